import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deviceId, fleetId } from '../ids.js';
import type { DeviceIdentity } from './device-identity.js';
import { type FleetServer, type FleetServerOptions, openFleetServer } from './fleet-server.js';
import { identityHandler } from './identity-handler.js';
import { pairDevice } from './pair-device.js';

/** A server of a fleet on loopback that answers devices, and what belongs to it. */
export interface TestFleet extends AsyncDisposable {
  readonly folder: string;
  readonly server: FleetServer;
  readonly url: string;
  /** As a server does once a day. */
  renewOwn(): Promise<void>;
  /** Pairs a device. */
  pair(name: string): Promise<DeviceIdentity>;
}

export const soon = (): AbortSignal => AbortSignal.timeout(60_000);

const ownHosts = ['localhost', '127.0.0.1'];

/** Makes a fleet in a new folder. */
export async function startFleet(options: Partial<FleetServerOptions> = {}): Promise<TestFleet> {
  const folder = mkdtempSync(join(tmpdir(), 'cutpoint-fleet-'));
  const server = await openFleetServer({
    folder,
    fleet: fleetId.parse('home'),
    device: deviceId.parse('server'),
    hosts: ownHosts,
    ...options,
  });
  const handle = identityHandler(server.identities, server.desk);
  const listener = https.createServer(server.httpsTls(), (request, response) => {
    if (!handle(request, response)) response.writeHead(404).end();
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const url = `https://127.0.0.1:${(listener.address() as AddressInfo).port}`;
  return {
    folder,
    server,
    url,
    async renewOwn() {
      if (await server.renewIfDue(options.hosts ?? ownHosts)) listener.setSecureContext(server.httpsTls());
    },
    async pair(name) {
      const { code } = await server.desk.open({ device: deviceId.parse(name) });
      return (await pairDevice({ url, code, signal: soon() })).identity;
    },
    async [Symbol.asyncDispose]() {
      listener.close();
      listener.closeAllConnections();
      await once(listener, 'close');
      server[Symbol.dispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
