import { once } from 'node:events';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { type FleetServer, identityHandler } from '@cutpoint/control';
import { asCutpointError } from '@cutpoint/core';

const lingerMs = 1_000;

/** An HTTPS listener for pairing and renewal alone, for as long as it is not disposed. */
export interface DeviceListener extends AsyncDisposable {
  readonly url: string;
}

/** Answers devices at `host:port` until disposed. @throws CutpointError CUT_BIND */
export async function answerDevices(server: FleetServer, host: string, port: number): Promise<DeviceListener> {
  const handle = identityHandler(server.identities, server.desk);
  const timeouts = { headersTimeout: 10_000, requestTimeout: 10_000, handshakeTimeout: 10_000 };
  const listener = https.createServer({ ...server.httpsTls(), ...timeouts }, (request, response) => {
    if (!handle(request, response)) response.writeHead(404).end();
  });
  listener.maxConnections = 64;
  try {
    listener.listen({ host, port });
    await once(listener, 'listening');
  } catch (thrown) {
    throw asCutpointError(thrown, 'CUT_BIND', `Cannot listen on ${host}:${port}`);
  }
  const taken = (listener.address() as AddressInfo).port;
  return {
    url: `https://${host.includes(':') ? `[${host}]` : host}:${taken}`,
    async [Symbol.asyncDispose]() {
      listener.close();
      // What is answered already shall arrive.
      const timer = setTimeout(() => listener.closeAllConnections(), lingerMs);
      await once(listener, 'close');
      clearTimeout(timer);
    },
  };
}
