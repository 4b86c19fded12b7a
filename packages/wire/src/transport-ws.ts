import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import net, { type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { asCutpointError, CutpointError, cancelReason, onCancel } from '@cutpoint/core';
import { WebSocketServer } from 'ws';
import { type Address, urlWithPort } from './address.js';
import type { Link } from './link.js';
import { DirectReading, socketLink } from './link-socket.js';
import { WebSocketLink } from './link-ws.js';
import { clientOptions, serverOptions } from './tls.js';
import {
  type BindOptions,
  dialError,
  handshakeError,
  listenOn,
  needTls,
  type Transport,
  withCertificate,
} from './transport.js';
import { HandshakeSocket } from './websocket-handshake.js';

/** Frames over WebSockets (`ws:`), also encrypted (`wss:`). */
export const webSocketTransport: Transport = {
  dial(address, { tls, signal, onSecure }) {
    const direct = address.secure ? undefined : new DirectReading();
    const options = {
      perMessageDeflate: false,
      ...clientOptions(tls),
      ...(direct === undefined ? {} : { createConnection: () => connectDirect(address, direct) }),
    };
    const webSocket = withCertificate(() => new HandshakeSocket(address.url, options));
    return new Promise((resolve, reject) => {
      const fail = (error: Error): void => {
        cancellation[Symbol.dispose]();
        webSocket.terminate();
        if (signal.aborted) reject(cancelReason(signal));
        else reject(error instanceof CutpointError ? error : dialError(address, error));
      };
      webSocket.on('error', fail);
      webSocket.once('unexpected-response', (_, { statusCode }) => fail(notOurs(address, statusCode)));
      webSocket.once('open', () => {
        const socket = webSocket.takeSocket();
        try {
          // The request to open a WebSocket has gone out by now; nothing in it is secret.
          if (address.secure) onSecure(socket);
        } catch (thrown) {
          // `ws` takes the handshake for done; the socket is ours to close.
          socket.destroy();
          cancellation[Symbol.dispose]();
          reject(asCutpointError(thrown, 'CUT_TLS'));
          return;
        }
        cancellation[Symbol.dispose]();
        webSocket.off('error', fail);
        resolve(new WebSocketLink(socketLink(socket, direct), 'client'));
      });
      const cancellation = onCancel(signal, () => webSocket.terminate());
    });
  },

  async bind(address, options) {
    const server = httpServer(address, options);
    const takeUpgrade = upgrades(options.onLink);
    server.on('connection', (socket: Socket) => {
      socket.on('error', () => socket.destroy());
      options.admit(socket);
    });
    server.on('upgrade', (request, socket, head) => {
      if (request.headers.origin !== undefined) {
        refuseBrowser(socket);
        return;
      }
      takeUpgrade(request, socket, head);
    });
    const port = await listenOn(server, address);
    return {
      url: urlWithPort(address, port),
      renew(tls) {
        if (!(server instanceof https.Server)) return;
        withCertificate(() => server.setSecureContext(serverOptions(tls, options.handshakeTimeoutMs)));
      },
      async close() {
        server.close();
        await once(server, 'close');
      },
    };
  },
};

/** What an HTTP server hears of a connection that shall become another: see its event `upgrade`. */
export type TakeUpgrade = (request: http.IncomingMessage, socket: Duplex, head: Buffer) => void;

/** Does the handshakes of WebSockets that an HTTP server is asked for. */
export function upgrades(onLink: (link: Link, socket: Socket) => void): TakeUpgrade {
  const webSockets = new WebSocketServer({
    WebSocket: HandshakeSocket,
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
  });
  return (request, socket, head) =>
    webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      onLink(new WebSocketLink(socketLink(webSocket.takeSocket()), 'server'), request.socket);
    });
}

function httpServer(address: Address, options: BindOptions): http.Server | https.Server {
  const { tls, onHttp, handshakeTimeoutMs, onTlsError } = options;
  const answer: http.RequestListener = (request, response) => {
    response.shouldKeepAlive = false;
    if (onHttp !== undefined) onHttp(request, response);
    else
      response
        .writeHead(426, { upgrade: 'websocket' })
        .end('This port speaks the Cutpoint protocol over WebSockets.\n');
  };
  const timeouts = { headersTimeout: handshakeTimeoutMs, requestTimeout: handshakeTimeoutMs, noDelay: true };
  if (!address.secure) return http.createServer(timeouts, answer);
  const secure = serverOptions(needTls(address, tls), handshakeTimeoutMs);
  const server = withCertificate(() => https.createServer({ ...timeouts, ...secure }, answer));
  server.on('tlsClientError', (error, socket) => onTlsError(handshakeError(error), socket));
  return server;
}

/** Any web page may open a WebSocket to a port of its visitor's machine; only browsers send an origin. */
function refuseBrowser(socket: Duplex): void {
  socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
}

/** What a socket with direct reading gets before the link starts is part of the handshake and goes the usual way. */
function connectDirect({ host, port }: Address, direct: DirectReading): Socket {
  const socket = net.connect({ host, port, onread: direct, noDelay: true });
  direct.events = {
    target: () => undefined,
    onData: (chunk) => socket.push(Buffer.from(chunk)),
    onFilled: () => {},
  };
  return socket;
}

function notOurs({ url }: Address, status: number | undefined): CutpointError {
  return new CutpointError(
    'CUT_UNREACHABLE',
    `${url} answers with HTTP status ${status} instead of the Cutpoint protocol.`,
  );
}
