import type { DecoderConfig } from '../architecture/decoder-config.js';
import type { PackageManifest } from '../package/package-manifest.js';
import { verifyDraft } from '../text/drafts.js';
import { DecoderRange, type DecoderRangeOptions } from './decoder-range.js';
import type { EmbeddingTable } from './embedding-table.js';
import { lastRows } from './logits-rows.js';
import { openEmbedding } from './open-embedding.js';
import type { ForwardOptions } from './range-decoder.js';
import type { NextTokens, Step, TokenDecoder } from './token-decoder.js';

const nothingSent = { codecMs: 0, linkMs: 0, serverMs: 0, upBytes: 0, downBytes: 0 };

/** A whole model on this machine. */
export class Decoder implements TokenDecoder {
  /** How many tokens each sequence holds. */
  readonly #held = new Map<number, number>();

  /** @param embedding and layers of one model; both are closed with it. */
  constructor(
    readonly embedding: EmbeddingTable,
    readonly layers: DecoderRange,
  ) {}

  get config(): DecoderConfig {
    return this.layers.config;
  }

  /** @param folder the package's. @throws CutpointError as `DecoderRange.open` and `openEmbedding` do. */
  static async open(folder: string, manifest: PackageManifest, options: DecoderRangeOptions = {}): Promise<Decoder> {
    const embedding = await openEmbedding(folder, manifest);
    try {
      const range = { from: 0, to: manifest.config.layers, head: true };
      return new Decoder(embedding, await DecoderRange.open(folder, manifest, range, options));
    } catch (thrown) {
      await embedding[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  /** Whether it can run passes. */
  get alive(): boolean {
    return this.layers.alive;
  }

  sequence(): number {
    return this.layers.sequence();
  }

  async next(sequence: number, { text, draft, sampling, ends, signal }: Step): Promise<NextTokens> {
    const held = this.#held.get(sequence) ?? 0;
    const hidden = await this.embedding.rows([...text.slice(held), ...draft]);
    const { data, computeMs } = await this.layers.forward(sequence, hidden, {
      logits: draft.length + 1,
      ...(signal === undefined ? {} : { signal }),
    });
    this.#held.set(sequence, text.length + draft.length);
    const rows = lastRows(data, draft.length + 1, this.config.vocabularySize);
    const { tokens, accepted } = verifyDraft(rows, draft, text, sampling, ends);
    this.truncate(sequence, text.length + accepted);
    return { tokens, accepted, cost: { agentMs: computeMs, ...nothingSent } };
  }

  /** Runs tokens behind those that a sequence has. @returns logits [1 or tokens, vocabularySize]. */
  async logits(
    sequence: number,
    tokens: readonly number[],
    options: ForwardOptions = {},
  ): Promise<Float32Array<ArrayBuffer>> {
    const { data } = await this.layers.forward(sequence, await this.embedding.rows(tokens), options);
    this.#held.set(sequence, (this.#held.get(sequence) ?? 0) + tokens.length);
    return data;
  }

  truncate(sequence: number, tokens: number): void {
    const held = this.#held.get(sequence) ?? 0;
    if (tokens >= held) return;
    this.#held.set(sequence, tokens);
    this.layers.truncate(sequence, tokens);
  }

  clone(sequence: number, tokens: number): number {
    const into = this.layers.clone(sequence, tokens);
    this.#held.set(into, Math.min(tokens, this.#held.get(sequence) ?? 0));
    return into;
  }

  drop(sequence: number): void {
    this.#held.delete(sequence);
    this.layers.drop(sequence);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.layers.dispose();
    await this.embedding[Symbol.asyncDispose]();
  }
}
