import { CutpointError, halfToNumber } from '@cutpoint/core';
import type { PackageManifest, StoredWeight } from '../package/package-manifest.js';
import type { OpenPart, PartSource } from '../package/part-source.js';

/** The embedding of a package, read from its file a row at a time: the table takes no memory. */
export class EmbeddingTable implements AsyncDisposable {
  readonly #file: PartSource;
  readonly #manifest: PackageManifest;
  readonly #table: StoredWeight;

  private constructor(file: PartSource, manifest: PackageManifest, table: StoredWeight) {
    this.#file = file;
    this.#manifest = manifest;
    this.#table = table;
  }

  /** @throws CutpointError CUT_PACKAGE, and as `open` does. */
  static async open(open: OpenPart, manifest: PackageManifest): Promise<EmbeddingTable> {
    const { path, weights } = manifest.embedding;
    const { table } = weights;
    if (table === undefined || (table.kind === 'blocks' && table.bits !== 8)) {
      throw new CutpointError('CUT_PACKAGE', `The package's file ${path} lacks a table of floats or of 8 bits.`);
    }
    return new EmbeddingTable(await open(manifest.embedding), manifest, table);
  }

  /**
   * The hidden states [tokens, hiddenSize] with which decoding of these tokens begins.
   * @throws CutpointError CUT_INPUT for a token outside the vocabulary, and as the file does where it is too short.
   */
  async rows(tokens: readonly number[]): Promise<Float32Array<ArrayBuffer>> {
    const { hiddenSize, vocabularySize, embeddingScale } = this.#manifest.config;
    const hidden = new Float32Array(tokens.length * hiddenSize);
    await Promise.all(
      tokens.map(async (token, i) => {
        if (!Number.isSafeInteger(token) || token < 0 || token >= vocabularySize) {
          throw new CutpointError('CUT_INPUT', `The token ${token} is not in the vocabulary of ${vocabularySize}.`);
        }
        const row = await this.#row(token, hiddenSize);
        for (let k = 0; k < hiddenSize; k++) hidden[i * hiddenSize + k] = (row[k] ?? 0) * embeddingScale;
      }),
    );
    return hidden;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file[Symbol.asyncDispose]();
  }

  async #row(token: number, size: number): Promise<Float32Array> {
    const table = this.#table;
    if (table.kind === 'float') {
      const width = table.dtype === 'f32' ? 4 : 2;
      const bytes = await this.#file.read(table.span.offset + token * size * width, size * width);
      if (table.dtype === 'f32') return new Float32Array(bytes.buffer);
      return Float32Array.from(new Uint16Array(bytes.buffer), halfToNumber);
    }
    const blocks = Math.ceil(size / table.block);
    const [codes, scaleBytes, zeroPoints] = await Promise.all([
      this.#file.read(table.codes.offset + token * blocks * table.block, blocks * table.block),
      this.#file.read(table.scales.offset + token * blocks * 4, blocks * 4),
      table.zeroPoints === null ? null : this.#file.read(table.zeroPoints.offset + token * blocks, blocks),
    ]);
    const scales = new Float32Array(scaleBytes.buffer);
    return Float32Array.from({ length: size }, (_, k) => {
      const block = Math.floor(k / table.block);
      return ((codes[k] ?? 0) - (zeroPoints?.[block] ?? 128)) * (scales[block] ?? 0);
    });
  }
}
