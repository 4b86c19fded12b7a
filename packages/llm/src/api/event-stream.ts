import { once } from 'node:events';
import type { ServerResponse } from 'node:http';

/** Server-sent events of JSON (WHATWG HTML, section 9.2), at the speed of whoever reads them. */
export class EventStream {
  readonly #response: ServerResponse;

  constructor(response: ServerResponse) {
    this.#response = response;
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
      connection: 'keep-alive',
      // Proxies of the kind of nginx gather what they pass on, unless they are told.
      'x-accel-buffering': 'no',
    });
  }

  /** Resolves when there is room for more, or nobody to read it. */
  async send(data: object | string): Promise<void> {
    const response = this.#response;
    const text = typeof data === 'string' ? data : JSON.stringify(data);
    if (response.destroyed || response.write(`data: ${text}\n\n`)) return;
    const heard = new AbortController();
    const either = [once(response, 'drain', heard), once(response, 'close', heard)];
    try {
      await Promise.race(either);
    } finally {
      heard.abort();
      await Promise.allSettled(either);
    }
  }

  end(): void {
    this.#response.end();
  }
}
