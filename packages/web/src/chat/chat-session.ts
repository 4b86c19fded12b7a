import { CutpointError } from '@cutpoint/core';
import type { ChatMessage, Sampling } from '@cutpoint/llm/browser';
import type { AnswerFigures, FromChatWorker, OpenChat, OpenedChat, ToChatWorker } from './worker/messages.js';

export interface AnswerListener {
  part(text: string, figures: AnswerFigures): void;
}

interface UnderWay extends AnswerListener {
  resolve(reason: 'stop' | 'length' | 'stopped'): void;
  reject(error: CutpointError): void;
}

/** A worker that does not stop within this is ended: what it computes may never end. */
const stopMs = 5_000;

/** A model that is open in a worker of its own: nothing that it computes stops the page. */
export class ChatSession implements Disposable {
  readonly #worker = new Worker(new URL('./worker/chat-worker.js', import.meta.url), { type: 'module' });
  readonly #answers = new Map<number, UnderWay>();
  readonly #onProgress: (bytes: number, of: number) => void;
  #opening: { resolve(opened: OpenedChat): void; reject(error: CutpointError): void } | undefined;
  #next = 1;
  #ended: CutpointError | undefined;

  constructor(onProgress: (bytes: number, of: number) => void) {
    this.#onProgress = onProgress;
    this.#worker.onmessage = ({ data }: MessageEvent<FromChatWorker>) => this.#receive(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#end(new CutpointError('CUT_WORKER_DIED', `What computes for the chat failed: ${event.message}`));
    };
  }

  /** Whether it can be asked. */
  get alive(): boolean {
    return this.#ended === undefined;
  }

  /** @throws CutpointError why it cannot be opened */
  open(open: OpenChat): Promise<OpenedChat> {
    return new Promise((resolve, reject) => {
      this.#opening = { resolve, reject };
      this.#post({ kind: 'open', open });
    });
  }

  /**
   * Asks for an answer; `signal` stops it.
   * @returns how it ended. @throws CutpointError what the model or the server says, CUT_WORKER_DIED.
   */
  async ask(
    messages: readonly ChatMessage[],
    sampling: Sampling,
    listener: AnswerListener,
    signal: AbortSignal,
  ): Promise<'stop' | 'length' | 'stopped'> {
    if (this.#ended !== undefined) throw this.#ended;
    const id = this.#next++;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = () => {
      this.#post({ kind: 'stop', id });
      const message = 'The answer could not be stopped, so what computed it was ended; the model is opened again.';
      timer = setTimeout(() => this.#end(new CutpointError('CUT_WORKER_DIED', message)), stopMs);
    };
    signal.addEventListener('abort', stop, { once: true });
    try {
      return await new Promise((resolve, reject) => {
        this.#answers.set(id, { part: (text, figures) => listener.part(text, figures), resolve, reject });
        this.#post({ kind: 'ask', id, messages, sampling });
      });
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
      this.#answers.delete(id);
    }
  }

  [Symbol.dispose](): void {
    this.#end(new CutpointError('CUT_DISPOSED', 'The chat was closed.'));
  }

  #post(message: ToChatWorker): void {
    this.#worker.postMessage(message);
  }

  #receive(message: FromChatWorker): void {
    if (message.kind === 'progress') this.#onProgress(message.bytes, message.of);
    else if (message.kind === 'opened') this.#opening?.resolve(message.opened);
    else if (message.kind === 'refused') this.#end(new CutpointError(message.code, message.message));
    else this.#hear(message);
  }

  #hear(message: Extract<FromChatWorker, { readonly id: number }>): void {
    const answer = this.#answers.get(message.id);
    if (message.kind === 'part') answer?.part(message.text, message.figures);
    else if (message.kind === 'ended') answer?.resolve(message.reason);
    else {
      const error = new CutpointError(message.code, message.message);
      // What the layers ran on is gone, such as a GPU that was lost: the model has to be opened again.
      if (message.code === 'CUT_WORKER_DIED') this.#end(error);
      else answer?.reject(error);
    }
  }

  #end(error: CutpointError): void {
    this.#ended ??= error;
    this.#worker.terminate();
    this.#opening?.reject(error);
    for (const { reject } of this.#answers.values()) reject(error);
  }
}
