import type { IncomingMessage } from 'node:http';
import { maxPageTextBytes, type PageGate, type PageSocket } from '@cutpoint/control';
import { CutpointError } from '@cutpoint/core';
import { isLoopback } from '@cutpoint/daemon';
import { isFromOwnPage, refuseUpgrade, type Upgrade } from '@cutpoint/http';
import { type WebSocket, WebSocketServer } from 'ws';

export interface PageDoorOptions {
  readonly gate: PageGate;
  /** Whether devices of this fleet are paired; else pages of this machine alone may join. */
  readonly paired: boolean;
  /** Hears who was refused. Must not throw. */
  readonly onRefused: (error: CutpointError) => void;
}

/** A page that answers no ping for so long is gone, as the broker finds of any device. */
const [pingMs, silentMs] = [2_500, 7_500];

/** Takes WebSockets of pages that this server itself has sent: any other page may try to open one, too. */
export function pageDoor({ gate, paired, onRefused }: PageDoorOptions): Upgrade {
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: maxPageTextBytes,
  });
  return (request, socket, head) => {
    const from = request.socket.remoteAddress ?? 'unknown';
    const why = refusalOf(request, paired);
    if (why !== undefined) {
      onRefused(new CutpointError('CUT_FORBIDDEN', `A page at ${from} was not let in: ${why}.`));
      refuseUpgrade(socket, '403 Forbidden');
      return;
    }
    server.handleUpgrade(request, socket, head, (webSocket) => serve(webSocket, gate, from));
  };
}

/** Only browsers have pages, and they say in Origin whose page asks. Unpaired, a page and the name it asks by are of this machine. */
function refusalOf(request: IncomingMessage, paired: boolean): string | undefined {
  const { headers, socket } = request;
  if (headers.origin === undefined || !isFromOwnPage(request, false)) return 'it was not loaded from this server';
  if (paired) return undefined;
  const isHere = isLoopback((socket.remoteAddress ?? '').replace(/^::ffff:/, '')) && isFromOwnPage(request, true);
  return isHere ? undefined : 'without pairing, only pages of this machine may join';
}

function serve(webSocket: WebSocket, gate: PageGate, from: string): void {
  let heardAtMs = performance.now();
  const heard = () => {
    heardAtMs = performance.now();
  };
  const end = () => webSocket.terminate();
  const socket: PageSocket = {
    send: (text) => webSocket.send(text),
    close() {
      webSocket.close();
      // One that does not close its end is not waited for.
      setTimeout(end, 1_000).unref();
    },
    get waitingBytes() {
      return webSocket.bufferedAmount;
    },
  };
  const events = gate.take(socket, from);
  const pings = setInterval(() => {
    if (performance.now() - heardAtMs > silentMs) end();
    else webSocket.ping();
  }, pingMs);
  webSocket.on('pong', heard);
  webSocket.on('message', (data, isBinary) => {
    heard();
    if (isBinary) end();
    else events.onText(String(data));
  });
  // What is wrong with a connection ends it, and its end is what counts.
  webSocket.on('error', end);
  webSocket.on('close', () => {
    clearInterval(pings);
    events.onClose();
  });
}
