import { join } from 'node:path';
import type { LayerWeightName, Package, PackagePart, PartContent, StoredWeight, WeightContent } from '@cutpoint/llm';
import type { Slice, Span } from './division.js';
import { columnsOf, rowsOf } from './slice-weight.js';

/** Weights of a shard on their way to its files; they are read when it is their turn. */
export interface ShardContent {
  /** Of each layer the first half, then the second. */
  readonly halves: readonly PartContent<LayerWeightName>[];
  /** Null at a rank without any of the vocabulary. */
  readonly head: PartContent<ShardHeadWeight> | null;
}

export type ShardHeadWeight = 'norm' | 'matrix' | 'postFfnNorm';

/** What a rank has of a package. Nothing is rounded anew: a shard computes with the package's own numbers. */
export function shardContent({ folder, manifest }: Package, slice: Slice): ShardContent {
  const source = (part: PackagePart<string>) => new SlicedPart(folder, part);
  const { config } = manifest;
  const layers = manifest.layers.map(source);
  const halves = layers.flatMap((own, layer) => [
    attentionHalf(own, layers[layer - 1], config, slice),
    ffnHalf(own, config.ffnSize, slice),
  ]);
  if (slice.vocabulary.from === slice.vocabulary.to) return { halves, head: null };
  const head = source(manifest.head);
  return {
    halves,
    head: present({
      norm: head.whole('norm'),
      matrix: head.rows('matrix', [slice.vocabulary]),
      postFfnNorm: layers.at(-1)?.whole('postFfnNorm'),
    }),
  };
}

function attentionHalf(
  own: SlicedPart,
  before: SlicedPart | undefined,
  config: { readonly heads: number; readonly kvHeads: number; readonly headSize: number },
  { rank, heads, kvHeads }: Slice,
): PartContent<LayerWeightName> {
  const elements = ({ from, to }: Span, start = 0): Span => ({
    from: (start + from) * config.headSize,
    to: (start + to) * config.headSize,
  });
  const qkv = [elements(heads), elements(kvHeads, config.heads), elements(kvHeads, config.heads + config.kvHeads)];
  return present<LayerWeightName>({
    attentionNorm: own.whole('attentionNorm'),
    qkv: own.rows('qkv', qkv),
    qkvBias: own.rows('qkvBias', qkv),
    queryNorm: own.whole('queryNorm'),
    keyNorm: own.whole('keyNorm'),
    out: own.columns('out', elements(heads)),
    // What all ranks add up may hold it once.
    outBias: rank === 0 ? own.whole('outBias') : undefined,
    postFfnNorm: before?.whole('postFfnNorm'),
  });
}

function ffnHalf(own: SlicedPart, ffnSize: number, { ffnColumns }: Slice): PartContent<LayerWeightName> {
  const { from, to } = ffnColumns;
  return present<LayerWeightName>({
    ffnNorm: own.whole('ffnNorm'),
    gateUp: own.rows('gateUp', [ffnColumns, { from: ffnSize + from, to: ffnSize + to }]),
    down: own.columns('down', ffnColumns),
    postAttentionNorm: own.whole('postAttentionNorm'),
  });
}

/** Slices of the weights in one of a package's files; undefined where it has none of that name. */
class SlicedPart {
  readonly #path: string;
  readonly #weights: Readonly<Partial<Record<string, StoredWeight>>>;

  constructor(folder: string, { path, weights }: PackagePart<string>) {
    this.#path = join(folder, path);
    this.#weights = weights;
  }

  rows(name: string, spans: readonly Span[]): WeightContent | undefined {
    const stored = this.#weights[name];
    return stored && rowsOf(this.#path, stored, spans);
  }

  columns(name: string, span: Span): WeightContent | undefined {
    const stored = this.#weights[name];
    return stored && columnsOf(this.#path, stored, span);
  }

  whole(name: string): WeightContent | undefined {
    const stored = this.#weights[name];
    const rows = stored?.kind === 'float' ? (stored.shape[0] ?? 0) : (stored?.rows ?? 0);
    return this.rows(name, [{ from: 0, to: rows }]);
  }
}

function present<Name extends string>(
  weights: Readonly<Partial<Record<Name, WeightContent | undefined>>>,
): PartContent<Name> {
  const named = Object.entries<WeightContent | undefined>(weights).filter(([, content]) => content !== undefined);
  return Object.fromEntries(named) as PartContent<Name>;
}
