import { once } from 'node:events';
import type { ServerResponse } from 'node:http';

/** Who takes nothing for so long is gone: an answer that waits for its reader holds a turn that others wait for. */
const stalledMs = 20_000;

/** Server-sent events of JSON (WHATWG HTML, section 9.2), at the speed of whoever reads them. */
export class EventStream {
  readonly #response: ServerResponse;
  readonly #mostWaitMs: number;

  constructor(response: ServerResponse, mostWaitMs = stalledMs) {
    this.#response = response;
    this.#mostWaitMs = mostWaitMs;
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
      connection: 'keep-alive',
      // Proxies of the kind of nginx gather what they pass on, unless they are told.
      'x-accel-buffering': 'no',
    });
  }

  /** Resolves when there is room for more, or nobody to read it. Ends the connection of a reader that takes nothing for long. */
  async send(data: object | string): Promise<void> {
    const response = this.#response;
    const text = typeof data === 'string' ? data : JSON.stringify(data);
    if (response.destroyed || response.write(`data: ${text}\n\n`)) return;
    const heard = new AbortController();
    const timer = setTimeout(() => response.destroy(), this.#mostWaitMs);
    const either = [once(response, 'drain', heard), once(response, 'close', heard)];
    try {
      await Promise.race(either);
    } finally {
      clearTimeout(timer);
      heard.abort();
      await Promise.allSettled(either);
    }
  }

  end(): void {
    this.#response.end();
  }
}
