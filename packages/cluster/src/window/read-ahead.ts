import { type CancelSignal, CutpointError } from '@cutpoint/core';
import type { FileSpan } from '@cutpoint/llm';
import { orCancelled } from '@cutpoint/runtime';
import { type ReadBytes, ReadThread } from './read-thread.js';

/** Where the bytes of something are. */
export interface Readable {
  readonly path: string;
  readonly span: FileSpan;
}

/** Reads what is wanted next, as far ahead as there are buffers, in a thread of its own. */
export class ReadAhead implements AsyncDisposable {
  readonly #thread = new ReadThread();
  readonly #items: readonly Readable[];
  readonly #bufferBytes: number;
  /** By item; in order of asking. */
  readonly #reads = new Map<number, Promise<ReadBytes>>();
  readonly #free: SharedArrayBuffer[] = [];
  #depth = 0;
  /** Buffers that someone holds bytes in. */
  #lent = 0;

  constructor(items: readonly Readable[], bufferBytes: number) {
    this.#items = items;
    this.#bufferBytes = bufferBytes;
  }

  /**
   * Has the first of these read that there are buffers for, in this order. What is read of others is forgotten where its buffer is
   * needed, or the depth is less than before.
   * @param wanted items, the next first.
   */
  async aim(wanted: readonly number[], depth: number): Promise<void> {
    const next = wanted.slice(0, Math.max(0, depth - this.#lent));
    for (const item of [...this.#reads.keys()].filter((item) => !next.includes(item))) await this.#forget(item);
    this.#depth = depth;
    this.#free.length = Math.min(this.#free.length, Math.max(0, depth - this.#lent - this.#reads.size));
    for (const item of next) if (!this.#reads.has(item)) this.#ask(item);
  }

  /**
   * The bytes of an item that `aim` was called with; they are the caller's until `giveBack`. Cancelled, they wait for the next who asks.
   * @throws CutpointError as `ReadThread.read` does; the item is then to be aimed at anew.
   */
  async bytesOf(item: number, signal?: CancelSignal): Promise<ReadBytes> {
    const read = this.#reads.get(item);
    if (read === undefined) throw new CutpointError('CUT_INTERNAL', `Item ${item} is not being read.`);
    try {
      const bytes = await orCancelled(read, signal);
      this.#lent += 1;
      this.#reads.delete(item);
      return bytes;
    } catch (thrown) {
      if (signal?.aborted !== true) this.#reads.delete(item);
      throw thrown;
    }
  }

  giveBack({ bytes }: ReadBytes): void {
    this.#lent -= 1;
    if (this.#free.length + this.#reads.size + this.#lent < this.#depth) this.#free.push(bytes.buffer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#thread[Symbol.asyncDispose]();
    this.#free.length = 0;
  }

  #ask(item: number): void {
    const of = this.#items[item];
    if (of === undefined) throw new CutpointError('CUT_INTERNAL', `There is no item ${item} to read.`);
    const read = this.#thread.read(of.path, of.span, this.#free.pop() ?? new SharedArrayBuffer(this.#bufferBytes));
    // Who asks for the bytes hears of it.
    read.catch(() => undefined);
    this.#reads.set(item, read);
  }

  async #forget(item: number): Promise<void> {
    const read = this.#reads.get(item);
    const bytes = await read?.catch(() => undefined);
    this.#reads.delete(item);
    if (bytes !== undefined) this.#free.push(bytes.bytes.buffer);
  }
}
