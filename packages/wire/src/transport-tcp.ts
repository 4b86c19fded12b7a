import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { asCutpointError, CutpointError, cancelReason, onCancel } from '@cutpoint/core';
import { type Address, urlWithPort } from './address.js';
import { DirectReading, socketLink } from './link-socket.js';
import { clientOptions, serverName, serverOptions } from './tls.js';
import {
  type BindOptions,
  dialError,
  handshakeError,
  listenOn,
  needTls,
  type Transport,
  withCertificate,
} from './transport.js';

/** Frames over plain TCP (`tcp:`) or TLS (`tcps:`). */
export const tcpTransport: Transport = {
  dial(address, { tls: own, signal, onSecure }) {
    const { host, port, secure } = address;
    const direct = secure ? undefined : new DirectReading();
    const socket =
      direct === undefined
        ? withCertificate(() => tls.connect({ host, port, ...serverName(host), ...clientOptions(own) }))
        : net.connect({ host, port, onread: direct, noDelay: true });
    return new Promise((resolve, reject) => {
      const fail = (error: Error): void => {
        cancellation[Symbol.dispose]();
        socket.destroy();
        if (signal.aborted) reject(cancelReason(signal));
        else reject(error instanceof CutpointError ? error : dialError(address, error));
      };
      const closed = (): void => fail(new Error('the connection was closed during the handshake'));
      socket.once('error', fail);
      socket.once('close', closed);
      socket.once(secure ? 'secureConnect' : 'connect', () => {
        try {
          if (secure) onSecure(socket);
        } catch (thrown) {
          fail(asCutpointError(thrown, 'CUT_TLS'));
          return;
        }
        cancellation[Symbol.dispose]();
        const link = socketLink(socket, direct);
        socket.off('error', fail);
        socket.off('close', closed);
        resolve(link);
      });
      const cancellation = onCancel(signal, () => socket.destroy(cancelReason(signal)));
    });
  },

  async bind(address, options) {
    const { admit, onLink } = options;
    const secure = address.secure ? secureServer(address, options) : undefined;
    const server = secure ?? net.createServer({ noDelay: true });
    server.on('connection', (socket) => {
      // A handshake that fails must not bring the process down; the link has its own listener later.
      socket.on('error', () => socket.destroy());
      admit(socket);
    });
    server.on(address.secure ? 'secureConnection' : 'connection', (socket: net.Socket) => {
      if (!socket.destroyed) onLink(socketLink(socket), socket);
    });
    const port = await listenOn(server, address);
    return {
      url: urlWithPort(address, port),
      renew: (own) => withCertificate(() => secure?.setSecureContext(serverOptions(own, options.handshakeTimeoutMs))),
      async close() {
        server.close();
        await once(server, 'close');
      },
    };
  },
};

function secureServer(address: Address, { tls: own, handshakeTimeoutMs, onTlsError }: BindOptions): tls.Server {
  const options = serverOptions(needTls(address, own), handshakeTimeoutMs);
  const server = withCertificate(() => tls.createServer(options));
  server.on('tlsClientError', (error, socket) => {
    onTlsError(handshakeError(error), socket);
    socket.destroy();
  });
  return server;
}
