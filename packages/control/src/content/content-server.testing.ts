import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { contentHandler } from './content-handler.js';
import type { ContentStore } from './store.js';

/** An HTTP server on a free port, with what it was asked. */
export interface ContentServer extends AsyncDisposable {
  readonly url: string;
  readonly requests: { readonly method: string; readonly path: string; readonly range: string | undefined }[];
}

export type Answer = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

/** Serves whatever the function answers. */
export async function serve(answer: Answer): Promise<ContentServer> {
  const requests: ContentServer['requests'] = [];
  const listener: RequestListener = (request, response) => {
    requests.push({ method: request.method ?? '', path: request.url ?? '', range: request.headers.range });
    void answer(request, response);
  };
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Serves a store; the n-th answer is cut after so many bytes of its body, if there are that many numbers. */
export function serveStore(store: ContentStore, cutAfter: readonly number[] = []): Promise<ContentServer> {
  const handler = contentHandler({ store });
  let answers = 0;
  return serve(async (request, response) => {
    const cut = cutAfter[answers++];
    if (cut !== undefined) cutAt(response, cut);
    await handler(request, response);
  });
}

function cutAt(response: ServerResponse, bytes: number): void {
  const write = response.write.bind(response) as (chunk: Uint8Array, done?: () => void) => boolean;
  let left = bytes;
  response.write = ((chunk: Uint8Array, ...rest: unknown[]) => {
    if (chunk.length <= left) {
      left -= chunk.length;
      return (write as (...args: unknown[]) => boolean)(chunk, ...rest);
    }
    const part = chunk.subarray(0, left);
    left = 0;
    // What was written before the cut may still arrive.
    return write(part, () => response.socket?.destroySoon());
  }) as ServerResponse['write'];
}
