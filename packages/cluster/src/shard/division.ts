import { CutpointError } from '@cutpoint/core';
import type { DecoderConfig } from '@cutpoint/llm';
import type { HeadRun } from '@cutpoint/llm/parts';

/** A run of units, `from` to `to` (not included). */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** How much of a decoder each rank has, in order of ranks. Sums are those of the decoder. */
export interface Division {
  /** Query heads, at least one each; their heads of keys and values follow from them. */
  readonly heads: readonly number[];
  /** Columns of the feed-forward's inner width, at least one each. */
  readonly ffnColumns: readonly number[];
  /** Rows of the head's matrix: tokens of the vocabulary. A rank may have none. */
  readonly vocabulary: readonly number[];
}

/** What one rank has of each layer, and of the head. */
export interface Slice {
  readonly rank: number;
  readonly ranks: number;
  readonly heads: Span;
  /** Heads of keys and values that its query heads read; one may be at two ranks. */
  readonly kvHeads: Span;
  readonly ffnColumns: Span;
  readonly vocabulary: Span;
}

/** Tokens of the vocabulary are divided in units of this many. */
const vocabularyUnit = 64;

/**
 * Divides a decoder in proportion to shares. With as many heads of keys and values as ranks or more, these stay whole, each at one rank
 * with all query heads that read it; with fewer, query heads are divided one by one, and a head of keys and values is at
 * each rank that reads it.
 * @param shares what each rank can do, in any unit; none is 0.
 * @param ffnUnit columns that stay together: the block of the weights behind them.
 * @throws CutpointError CUT_USAGE if a share is not a positive number, or there are more ranks than query heads or units of the feed-forward.
 */
export function divide(config: DecoderConfig, shares: readonly number[], ffnUnit: number): Division {
  const { heads, kvHeads, ffnSize, vocabularySize } = config;
  const wrong = shares.find((share) => !(Number.isFinite(share) && share > 0));
  if (wrong !== undefined || shares.length === 0) {
    throw new CutpointError('CUT_USAGE', `Shares are positive numbers, one for each rank, not ${wrong ?? 'none'}.`);
  }
  const headUnit = shares.length <= kvHeads ? heads / kvHeads : 1;
  const ffnUnits = Math.ceil(ffnSize / ffnUnit);
  requireUnits(shares.length, heads / headUnit, 'query heads');
  requireUnits(shares.length, ffnUnits, `blocks of ${ffnUnit} columns in a feed-forward`);
  return {
    heads: proportional(heads / headUnit, shares, 1).map((units) => units * headUnit),
    ffnColumns: columnsOf(proportional(ffnUnits, shares, 1), ffnUnit, ffnSize),
    vocabulary: columnsOf(
      proportional(Math.ceil(vocabularySize / vocabularyUnit), shares, 0),
      vocabularyUnit,
      vocabularySize,
    ),
  };
}

function requireUnits(ranks: number, units: number, what: string): void {
  if (ranks <= units) return;
  throw new CutpointError('CUT_USAGE', `The model has ${units} ${what}: it cannot be divided over ${ranks} ranks.`);
}

/**
 * Whole numbers of units in proportion to shares, by largest remainders, at least `least` each; the first of equals
 * gets more.
 */
export function proportional(units: number, shares: readonly number[], least: number): number[] {
  const sum = shares.reduce((total, share) => total + share, 0);
  const wanted = shares.map((share) => (units * share) / sum);
  const given = wanted.map((exact) => Math.max(least, Math.floor(exact)));
  const total = () => given.reduce((all, count) => all + count, 0);
  const next = (better: (lack: number, best: number) => boolean, may: (count: number) => boolean): number => {
    let found = -1;
    for (const [i, count] of given.entries()) {
      const lack = (wanted[i] ?? 0) - count;
      if (may(count) && (found < 0 || better(lack, (wanted[found] ?? 0) - (given[found] ?? 0)))) found = i;
    }
    return found;
  };
  while (total() < units)
    add(
      given,
      next(
        (lack, best) => lack > best,
        () => true,
      ),
      1,
    );
  while (total() > units)
    add(
      given,
      next(
        (lack, best) => lack < best,
        (count) => count > least,
      ),
      -1,
    );
  return given;
}

function add(counts: number[], at: number, by: number): void {
  counts[at] = (counts[at] ?? 0) + by;
}

/** Units as what they hold; the last unit may be shorter. */
function columnsOf(units: readonly number[], unit: number, size: number): number[] {
  let end = 0;
  return units.map((count) => {
    const from = Math.min(size, end * unit);
    end += count;
    return Math.min(size, end * unit) - from;
  });
}

/** What a rank has of a decoder. @throws CutpointError CUT_USAGE if the division is not one of this decoder. */
export function sliceOf(config: DecoderConfig, division: Division, rank: number): Slice {
  const fault = divisionFault(config, division);
  if (fault !== undefined) throw new CutpointError('CUT_USAGE', `The model cannot be divided so: ${fault}.`);
  const heads = spanOf(division.heads, rank);
  const group = config.heads / config.kvHeads;
  return {
    rank,
    ranks: division.heads.length,
    heads,
    kvHeads: { from: Math.floor(heads.from / group), to: Math.ceil(heads.to / group) },
    ffnColumns: spanOf(division.ffnColumns, rank),
    vocabulary: spanOf(division.vocabulary, rank),
  };
}

/** What is wrong with a division of a decoder, or undefined. */
function divisionFault(config: DecoderConfig, { heads, ffnColumns, vocabulary }: Division): string | undefined {
  for (const [what, counts, sum, least] of [
    ['query heads', heads, config.heads, 1],
    ['columns of the feed-forward', ffnColumns, config.ffnSize, 1],
    ['tokens of the vocabulary', vocabulary, config.vocabularySize, 0],
  ] as const) {
    if (counts.length !== heads.length) return `${counts.length} ranks have ${what}, but ${heads.length} query heads`;
    const wrong = counts.find((count) => !Number.isSafeInteger(count) || count < least);
    if (wrong !== undefined) return `a rank would have ${wrong} ${what}`;
    const total = counts.reduce((all, count) => all + count, 0);
    if (total !== sum) return `its ranks have ${total} ${what} together, and the model ${sum}`;
  }
  return undefined;
}

function spanOf(counts: readonly number[], rank: number): Span {
  const from = counts.slice(0, rank).reduce((sum, count) => sum + count, 0);
  return { from, to: from + (counts[rank] ?? 0) };
}

/** The runs of heads of a rank, in order: at its ends it may read a head of keys and values with fewer query heads than between. */
export function headRunsOf({ heads, kvHeads }: DecoderConfig, slice: Slice): HeadRun[] {
  const group = heads / kvHeads;
  const runs: HeadRun[] = [];
  for (let kv = slice.kvHeads.from; kv < slice.kvHeads.to; kv++) {
    const own = Math.min(slice.heads.to, (kv + 1) * group) - Math.max(slice.heads.from, kv * group);
    const last = runs.at(-1);
    if (last !== undefined && last.heads / last.kvHeads === own) {
      runs[runs.length - 1] = { heads: last.heads + own, kvHeads: last.kvHeads + 1 };
    } else runs.push({ heads: own, kvHeads: 1 });
  }
  return runs;
}
