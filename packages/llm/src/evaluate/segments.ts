import { type CancelSignal, CutpointError } from '@cutpoint/core';
import type { DecoderConfig } from '../architecture/decoder-config.js';
import { DecoderRange, type DecoderRangeOptions } from '../decode/decoder-range.js';
import type { EmbeddingTable } from '../decode/embedding-table.js';
import { openEmbedding } from '../decode/open-embedding.js';
import type { LayerRange } from '../graph/range.js';
import type { Package } from '../package/read-package.js';

type Rows = Float32Array<ArrayBuffer>;

/** A cut of a model, and who keeps the last norm and the vocabulary matrix. */
export interface CutPlace {
  /** Layers before the cut. */
  readonly cut: number;
  /** The agent keeps the head, so that hidden states come back to it. Default: the server has it. */
  readonly private?: boolean;
}

/** What an agent holds: the embedding, the layers before a cut, and the head where it is private. */
export class FrontSegment implements AsyncDisposable {
  readonly #embedding: EmbeddingTable;
  readonly #layers: DecoderRange | undefined;
  readonly #head: DecoderRange | undefined;

  private constructor(
    readonly config: DecoderConfig,
    embedding: EmbeddingTable,
    layers: DecoderRange | undefined,
    head: DecoderRange | undefined,
  ) {
    this.#embedding = embedding;
    this.#layers = layers;
    this.#head = head;
  }

  /** @throws CutpointError CUT_ILLEGAL_CUT, and as `DecoderRange.open` and `openEmbedding`. */
  static async open(
    { folder, manifest }: Package,
    { cut, private: isPrivate = false }: CutPlace,
    options: DecoderRangeOptions = {},
  ): Promise<FrontSegment> {
    const { config } = manifest;
    requireCut(config, cut);
    const opened: AsyncDisposable[] = [];
    const keep = <T extends AsyncDisposable>(one: T): T => {
      opened.push(one);
      return one;
    };
    const open = async (range: LayerRange) => keep(await DecoderRange.open(folder, manifest, range, options));
    try {
      const embedding = keep(await openEmbedding(folder, manifest));
      const layers = cut === 0 ? undefined : await open({ from: 0, to: cut, head: false });
      const head = isPrivate ? await open({ from: config.layers, to: config.layers, head: true }) : undefined;
      return new FrontSegment(config, embedding, layers, head);
    } catch (thrown) {
      for (const one of opened) await one[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  /** What reaches the cut of a text of its own: hidden states [tokens, hiddenSize]. */
  async hiddenOf(tokens: readonly number[], signal?: CancelSignal): Promise<Rows> {
    const embedded = await this.#embedding.rows(tokens);
    return this.#layers === undefined ? embedded : await runAlone(this.#layers, embedded, signal);
  }

  /** Logits of hidden states behind the last layer. @throws CutpointError CUT_USAGE if the server has the head. */
  async logitsOf(hidden: Rows, signal?: CancelSignal): Promise<Rows> {
    if (this.#head === undefined) throw new CutpointError('CUT_USAGE', 'This segment has no head: open it as private.');
    return await runAlone(this.#head, hidden, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#head?.dispose();
    await this.#layers?.dispose();
    await this.#embedding[Symbol.asyncDispose]();
  }
}

/** What a server holds: the layers behind a cut, and the head unless it is private. */
export class BackSegment implements AsyncDisposable {
  readonly #layers: DecoderRange;

  private constructor(layers: DecoderRange) {
    this.#layers = layers;
  }

  /** @throws CutpointError CUT_ILLEGAL_CUT, and as `DecoderRange.open`. */
  static async open(
    { folder, manifest }: Package,
    { cut, private: isPrivate = false }: CutPlace,
    options: DecoderRangeOptions = {},
  ): Promise<BackSegment> {
    requireCut(manifest.config, cut);
    const range = { from: cut, to: manifest.config.layers, head: !isPrivate };
    return new BackSegment(await DecoderRange.open(folder, manifest, range, options));
  }

  /** Logits [tokens, vocabularySize] of a text of its own; without the head hidden states [tokens, hiddenSize]. */
  async resultOf(hidden: Rows, signal?: CancelSignal): Promise<Rows> {
    return await runAlone(this.#layers, hidden, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#layers.dispose();
  }
}

function requireCut({ layers }: DecoderConfig, cut: number): void {
  if (Number.isSafeInteger(cut) && cut >= 0 && cut < layers) return;
  const message = `There is no cut ${cut}: the model's ${layers} layers can be cut at 1 to ${layers - 1}.`;
  throw new CutpointError('CUT_ILLEGAL_CUT', message);
}

/** Runs rows as a sequence of their own. */
async function runAlone(range: DecoderRange, hidden: Rows, signal: CancelSignal | undefined): Promise<Rows> {
  const sequence = range.sequence();
  try {
    // A pass gives its rows away.
    const rows = hidden.slice();
    return (await range.forward(sequence, rows, { logits: 'all', ...(signal === undefined ? {} : { signal }) })).data;
  } finally {
    range.drop(sequence);
  }
}
