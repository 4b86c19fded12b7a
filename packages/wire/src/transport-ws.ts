import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { asCutpointError, CutpointError, cancelReason, onCancel } from '@cutpoint/core';
import { WebSocket, WebSocketServer } from 'ws';
import { type Address, urlWithPort } from './address.js';
import { maxMessageBytes, webSocketLink } from './link-ws.js';
import { type BindOptions, dialError, listenOn, needKeys, type Transport } from './transport.js';

/** A connection that has not completed one message by then is not saying hello. */
const maxHelloBytes = 16 * 1024;
const common = { perMessageDeflate: false, maxPayload: maxMessageBytes };

/** Frames over WebSockets (`ws:`), also encrypted (`wss:`). */
export const webSocketTransport: Transport = {
  dial(address, { ca, signal }) {
    const webSocket = new WebSocket(address.url, {
      ...common,
      ...(ca === undefined ? {} : { ca }),
      minVersion: 'TLSv1.2',
      // Masks keep scripts in a browser from writing what they like into a proxy's cache. No script chooses our bytes,
      // and with a mask of zeros both ends skip the masking.
      generateMask: (mask) => mask.fill(0),
    });
    return new Promise((resolve, reject) => {
      const fail = (error: Error): void => {
        cancellation[Symbol.dispose]();
        webSocket.terminate();
        if (signal.aborted) reject(cancelReason(signal));
        else reject(error instanceof CutpointError ? error : dialError(address, error));
      };
      webSocket.on('error', fail);
      webSocket.once('unexpected-response', (_, { statusCode }) => fail(notOurs(address, statusCode)));
      webSocket.once('upgrade', ({ socket }) => {
        webSocket.once('open', () => {
          cancellation[Symbol.dispose]();
          webSocket.off('error', fail);
          resolve(webSocketLink(webSocket, socket));
        });
      });
      const cancellation = onCancel(signal, () => webSocket.terminate());
    });
  },

  async bind(address, options) {
    const server = httpServer(address, options);
    const webSockets = new WebSocketServer({ ...common, noServer: true, clientTracking: false });
    server.on('connection', (socket: Socket) => {
      socket.on('error', () => socket.destroy());
      options.admit(socket);
    });
    server.on('upgrade', (request, socket, head) => {
      if (request.headers.origin !== undefined) {
        refuseBrowser(socket);
        return;
      }
      webSockets.handleUpgrade(request, socket, head, (webSocket) => {
        limitHello(webSocket, request.socket);
        options.onLink(webSocketLink(webSocket, request.socket), request.socket);
      });
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

function httpServer(address: Address, { tls, onHttp, handshakeTimeoutMs }: BindOptions): http.Server | https.Server {
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
  const { cert, key } = needKeys(address, tls);
  try {
    return https.createServer(
      { ...timeouts, cert, key, handshakeTimeout: handshakeTimeoutMs, minVersion: 'TLSv1.2' },
      answer,
    );
  } catch (thrown) {
    throw asCutpointError(thrown, 'CUT_TLS', 'The certificate or its key cannot be used');
  }
}

/** Any web page may open a WebSocket to a port of its visitor's machine; only browsers send an origin. */
function refuseBrowser(socket: Duplex): void {
  socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
}

/** Until the first message is complete, the WebSocket gathers it: keep a stranger from making it gather much. */
function limitHello(webSocket: WebSocket, socket: Socket): void {
  const before = socket.bytesRead;
  const count = (): void => {
    if (socket.bytesRead - before > maxHelloBytes) socket.destroy();
  };
  socket.on('data', count);
  webSocket.once('message', () => socket.off('data', count));
}

function notOurs({ url }: Address, status: number | undefined): CutpointError {
  return new CutpointError(
    'CUT_UNREACHABLE',
    `${url} answers with HTTP status ${status} instead of the Cutpoint protocol.`,
  );
}
