import {
  type Codec,
  checkCrossing,
  type Kernels,
  openKernels,
  requireFit,
  requireTable,
  type TransformTable,
  type TransformTables,
  tableNamed,
  transformCodec,
} from '@cutpoint/codec';
import { CutpointError } from '@cutpoint/core';
import { modelIdentity } from '../package/model-identity.js';
import type { PackageManifest } from '../package/package-manifest.js';
import { hiddenName } from './hidden-rows.js';
import type { Split } from './split-protocol.js';

/** Reads the tables of a model that this device has, by the identity of the model. */
export type TableSource = (modelIdentity: string) => Promise<TransformTables>;

/** How hidden states cross, as `encodeHidden` and `decodeHidden` take it. */
export interface CrossingCodecs {
  readonly up: string | Codec;
  /** Of what comes back where the split is private. */
  readonly down: string | Codec;
}

/** How hidden states come back where nothing else is said: a table is of the cut, and not of what is behind the last layer. */
export function usualAnswerCodec(codec: string): string {
  return tableNamed(codec) === undefined ? codec : 'f16';
}

/** The tables that both sides of a split need. @throws CutpointError CUT_USAGE for a wrong spec. */
export function tablesOf({ codec, answerCodec }: Pick<Split, 'codec' | 'answerCodec'>): readonly string[] {
  const names = [codec, answerCodec ?? 'raw'].map(tableNamed);
  return [...new Set(names.filter((name) => name !== undefined))];
}

/**
 * Opens the codecs of a split.
 * @param tables those that this side has.
 * @throws CutpointError CUT_USAGE for a spec by which hidden states cannot cross; CUT_CODEC_TABLE for a table that is not
 * here, or is of another model or cut.
 */
export function openCrossingCodecs(split: Split, manifest: PackageManifest, tables: TransformTables): CrossingCodecs {
  const { at, codec, answerCodec, private: hides } = split;
  if (answerCodec !== undefined && !hides) {
    throw new CutpointError(
      'CUT_USAGE',
      'A codec of answers is for hidden states that come back: make the split private.',
    );
  }
  const open = (spec: string, cut: number) => openAt(spec, manifest, cut, tables);
  return { up: open(codec, at), down: open(answerCodec ?? usualAnswerCodec(codec), manifest.config.layers) };
}

function openAt(spec: string, manifest: PackageManifest, cut: number, tables: TransformTables): string | Codec {
  const checked = checkCrossing(spec);
  const named = tableAt(spec, manifest, cut, tables);
  return named === undefined ? checked : codecOf(named.name, named.table);
}

/**
 * The table that a spec names, for hidden states at a cut; undefined for a spec without one.
 * @throws CutpointError CUT_CODEC_TABLE for a table that is not here, or is of another model or cut.
 */
export function tableAt(
  spec: string,
  manifest: PackageManifest,
  cut: number,
  tables: TransformTables,
): { readonly name: string; readonly table: TransformTable } | undefined {
  const name = tableNamed(spec);
  if (name === undefined) return undefined;
  const table = requireTable(tables, name);
  const tensor = { name: hiddenName, dtype: 'f32' as const, shape: [1, manifest.config.hiddenSize] };
  requireFit(name, table, { modelHash: modelIdentity(manifest), index: cut, tensors: [tensor] });
  return { name, table };
}

let kernels: Kernels | undefined;
/** A codec holds its table in several forms: the texts that cross by one table share it. */
const opened = new WeakMap<TransformTable, Codec>();

function codecOf(name: string, table: TransformTable): Codec {
  kernels ??= openKernels();
  const codec = opened.get(table) ?? transformCodec(name, table, kernels);
  opened.set(table, codec);
  return codec;
}
