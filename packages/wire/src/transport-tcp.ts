import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { asCutpointError, cancelReason, onCancel } from '@cutpoint/core';
import { type Address, urlWithPort } from './address.js';
import { DirectReading, socketLink } from './link-socket.js';
import { dialError, listenOn, needKeys, type Transport } from './transport.js';

/** Frames over plain TCP (`tcp:`) or TLS (`tcps:`). */
export const tcpTransport: Transport = {
  dial(address, { ca, signal }) {
    const { host, port, secure } = address;
    const direct = secure ? undefined : new DirectReading();
    const socket =
      direct === undefined
        ? tls.connect({ host, port, minVersion: 'TLSv1.2', ...serverName(host), ...(ca === undefined ? {} : { ca }) })
        : net.connect({ host, port, onread: direct, noDelay: true });
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
        const link = socketLink(socket, direct);
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

/** The name to ask the server for; TLS knows no names that are addresses. */
function serverName(host: string): { servername?: string } {
  return net.isIP(host) === 0 ? { servername: host } : {};
}

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
