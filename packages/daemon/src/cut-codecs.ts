import { existsSync } from 'node:fs';
import { extname } from 'node:path';
import {
  type Codec,
  type Kernels,
  openCodec,
  openKernels,
  requireFit,
  requireTable,
  type TransformTables,
  tableNamed,
  transformCodecs,
} from '@cutpoint/codec';
import type { SplitModel } from '@cutpoint/runtime';
import { codecTablesFrom, shippedTablesOf } from './codec-tables.js';
import type { ModelSettings } from './model-settings.js';

/** The codecs of a device: those that need only their spec, and those whose tables are here. */
export class CutCodecs {
  readonly #tables: TransformTables;
  /** One for each table at most. */
  readonly #opened = new Map<string, Codec>();
  /** Made when first needed: most devices hold no tables. */
  #kernels: Kernels | undefined;

  constructor(tables: TransformTables = new Map()) {
    this.#tables = tables;
  }

  /**
   * What `encodeCrossing` and `decodeCrossing` take for a spec that was checked.
   * @throws CutpointError CUT_CODEC_TABLE if the table that it names is not here.
   */
  of(spec: string): string | Codec {
    if (tableNamed(spec) === undefined) return spec;
    const codec = this.#opened.get(spec) ?? this.#open(spec);
    this.#opened.set(spec, codec);
    return codec;
  }

  #open(spec: string): Codec {
    this.#kernels ??= openKernels();
    return openCodec(spec, { transform: transformCodecs(this.#tables), kernels: this.#kernels });
  }

  /**
   * Makes sure that tensors can cross those cuts of a split model that this device stands at.
   * @param specs one for each cut of the model; they were checked.
   * @param at which of the cuts, from 0: more than there are is as good as none.
   * @throws CutpointError CUT_CODEC_TABLE if a table that is named is not here, or is of another model, cut or tensor.
   */
  check(
    { cuts, modelHash }: Pick<SplitModel, 'cuts' | 'modelHash'>,
    specs: readonly string[],
    at: readonly number[],
  ): void {
    for (const [i, cut] of cuts.entries()) {
      const name = at.includes(i) ? tableNamed(specs[i] ?? 'raw') : undefined;
      if (name !== undefined) requireFit(name, requireTable(this.#tables, name), { modelHash, ...cut });
    }
  }
}

/**
 * The codecs of a device, with the tables that its settings name, or those that lie beside its `segments.json`.
 * @throws CutpointError what `openCodecTables` throws.
 */
export async function openCutCodecs(
  { model, codecTables = shippedWith(model) }: Pick<ModelSettings, 'model' | 'codecTables'>,
  modelHash: string,
): Promise<CutCodecs> {
  return new CutCodecs(await codecTablesFrom(codecTables)(modelHash));
}

function shippedWith(model: string): string | undefined {
  const folder = shippedTablesOf(model);
  return extname(model) === '.json' && existsSync(folder) ? folder : undefined;
}
