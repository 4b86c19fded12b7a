import { throwIfCancelled } from '@cutpoint/core';
import type { DecoderConfig } from '../architecture/decoder-config.js';
import type { LayerRange } from '../graph/range.js';
import { DecoderService, type PassRunner } from './decoder-service.js';
import type { ForwardOptions, Pass, RangeDecoder } from './range-decoder.js';

/** A range of a decoder's layers in this thread, which it blocks while it computes: for whoever is in a worker already. */
export class LocalRange implements RangeDecoder {
  readonly config: DecoderConfig;
  readonly range: LayerRange;
  readonly #service: DecoderService;
  readonly #pause: () => Promise<void>;
  #nextSequence = 1;
  #nextId = 1;
  /** The pass that was asked for last: they run one after another. */
  #last: Promise<unknown> = Promise.resolve();

  /**
   * @param session is closed with it. @param chunkTokens of a prompt that run at once.
   * @param pause lets others have their turn before a chunk: who cancels a pass, and who waits for what comes over a socket.
   */
  constructor(session: PassRunner, chunkTokens: number, pause: () => Promise<void>) {
    this.config = session.config;
    this.range = session.range;
    this.#service = new DecoderService(session, chunkTokens);
    this.#pause = pause;
  }

  sequence(): number {
    return this.#nextSequence++;
  }

  async forward(
    sequence: number,
    hidden: Float32Array<ArrayBuffer>,
    { logits = 1, signal }: ForwardOptions = {},
  ): Promise<Pass> {
    const id = this.#nextId++;
    const pass = this.#last.then(async () => {
      const fromMs = performance.now();
      const message = { kind: 'forward', id, sequence, hidden, logits } as const;
      const data = await this.#service.forward(message, async () => {
        await this.#pause();
        throwIfCancelled(signal);
      });
      return { data, computeMs: performance.now() - fromMs };
    });
    this.#last = pass.catch(() => undefined);
    return await pass;
  }

  truncate(sequence: number, tokens: number): void {
    this.#service.truncate(sequence, tokens);
  }

  clone(sequence: number, tokens: number): number {
    const into = this.sequence();
    this.#service.clone(sequence, into, tokens);
    return into;
  }

  drop(sequence: number): void {
    this.#service.drop(sequence);
  }

  async dispose(): Promise<void> {
    await this.#last;
    await this.#service.release();
  }
}
