import type { PackageManifest } from '../package/package-manifest.js';
import { DecoderRange, type DecoderRangeOptions, type ForwardOptions } from './decoder-range.js';
import { EmbeddingTable } from './embedding-table.js';

/** A whole model on this machine: tokens in, logits out. */
export class Decoder implements AsyncDisposable {
  private constructor(
    readonly embedding: EmbeddingTable,
    readonly layers: DecoderRange,
  ) {}

  /** @param folder the package's. @throws CutpointError as `DecoderRange.open` and `EmbeddingTable.open` do. */
  static async open(folder: string, manifest: PackageManifest, options: DecoderRangeOptions = {}): Promise<Decoder> {
    const embedding = await EmbeddingTable.open(folder, manifest);
    try {
      const range = { from: 0, to: manifest.config.layers, head: true };
      return new Decoder(embedding, await DecoderRange.open(folder, manifest, range, options));
    } catch (thrown) {
      await embedding[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  /** Runs tokens behind those that a sequence has. @returns logits [1 or tokens, vocabularySize]. */
  async logits(
    sequence: number,
    tokens: readonly number[],
    options: ForwardOptions = {},
  ): Promise<Float32Array<ArrayBuffer>> {
    const { data } = await this.layers.forward(sequence, await this.embedding.rows(tokens), options);
    return data;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.layers.dispose();
    await this.embedding[Symbol.asyncDispose]();
  }
}
