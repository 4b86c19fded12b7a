import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { asCutpointError, cancelReason, onCancel } from '@cutpoint/core';
import { type Address, urlWithPort } from './address.js';
import { socketLink } from './link-socket.js';
import { dialError, listenOn, needKeys, type Transport } from './transport.js';

/** Frames over plain TCP (`tcp:`) or TLS (`tcps:`). */
export const tcpTransport: Transport = {
  dial(address, { ca, signal }) {
    const { host, port, secure } = address;
    const servername = net.isIP(host) === 0 ? { servername: host } : {};
    const socket = secure
      ? tls.connect({ host, port, minVersion: 'TLSv1.2', ...servername, ...(ca === undefined ? {} : { ca }) })
      : net.connect({ host, port, noDelay: true });
    return new Promise((resolve, reject) => {
      const fail = (error: Error): void => {
        cancellation[Symbol.dispose]();
        socket.destroy();
        reject(signal.aborted ? cancelReason(signal) : dialError(address, error));
      };
      const closed = (): void => fail(new Error('the connection was closed during the handshake'));
      socket.once('error', fail);
      socket.once('close', closed);
      socket.once(secure ? 'secureConnect' : 'connect', () => {
        cancellation[Symbol.dispose]();
        const link = socketLink(socket);
        socket.off('error', fail);
        socket.off('close', closed);
        resolve(link);
      });
      const cancellation = onCancel(signal, () => socket.destroy(cancelReason(signal)));
    });
  },

  async bind(address, { tls: keys, handshakeTimeoutMs, admit, onLink }) {
    const server = address.secure
      ? secureServer(address, keys, handshakeTimeoutMs)
      : net.createServer({ noDelay: true });
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
      async close() {
        server.close();
        await once(server, 'close');
      },
    };
  },
};

function secureServer(
  address: Address,
  keys: { cert: string; key: string } | undefined,
  handshakeTimeout: number,
): tls.Server {
  const { cert, key } = needKeys(address, keys);
  try {
    const server = tls.createServer({ cert, key, handshakeTimeout, minVersion: 'TLSv1.2' });
    server.on('tlsClientError', (_, socket) => socket.destroy());
    return server;
  } catch (thrown) {
    throw asCutpointError(thrown, 'CUT_TLS', 'The certificate or its key cannot be used');
  }
}
