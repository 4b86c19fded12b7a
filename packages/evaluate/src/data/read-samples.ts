import { type CancelSignal, CutpointError, throwIfCancelled } from '@cutpoint/core';
import type { DataSet, Sample } from './data-set.js';

/** How many rows are read ahead while others are computed. */
const readAhead = 2;

/** Rows that may be broken: this share of those asked for, and always one. */
const brokenShare = 0.05;

export interface ReadOptions {
  readonly signal?: CancelSignal | undefined;
  /** Is told of each broken row, which is left out. */
  readonly onBroken: (row: number, error: CutpointError) => void;
}

/**
 * The samples of rows in their order, read a little ahead. Broken ones are left out and told of.
 * @throws CutpointError CUT_DATASET if more than 5 % of the rows are broken; CUT_CANCELLED.
 */
export async function* readSamples(
  dataSet: DataSet,
  rows: readonly number[],
  { signal, onBroken }: ReadOptions,
): AsyncGenerator<Sample> {
  const mayBreak = Math.max(1, Math.floor(rows.length * brokenShare));
  const ahead: Promise<Sample | { readonly row: number; readonly broken: unknown }>[] = [];
  let broken = 0;
  let next = 0;
  const readNext = () => {
    const row = rows[next++];
    if (row !== undefined) ahead.push(dataSet.read(row).catch((thrown: unknown) => ({ row, broken: thrown })));
  };
  for (let i = 0; i <= readAhead; i++) readNext();
  for (let first = ahead.shift(); first !== undefined; first = ahead.shift()) {
    const read = await first;
    throwIfCancelled(signal);
    readNext();
    if (!('broken' in read)) {
      yield read;
      continue;
    }
    const error = read.broken;
    if (!(error instanceof CutpointError) || !brokenCodes.has(error.code)) throw error;
    broken += 1;
    onBroken(read.row, error);
    if (broken <= mayBreak) continue;
    throw new CutpointError(
      'CUT_DATASET',
      `More than ${mayBreak} samples are broken, row ${read.row} too: ${error.message}`,
      {
        cause: error,
      },
    );
  }
}

const brokenCodes: ReadonlySet<string> = new Set(['CUT_IMAGE', 'CUT_FILE_NOT_FOUND']);
