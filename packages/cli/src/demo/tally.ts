import { median } from '@cutpoint/core';

/** How one request went. Times are in milliseconds since the load began. */
export interface Outcome {
  readonly sentMs: number;
  readonly endedMs: number;
  /** By which way it was answered, such as `pi-1 > pi-2`; undefined if it was not. */
  readonly way: string | undefined;
  /** Whether the answer is that of the whole model. */
  readonly right: boolean;
}

/** What a load came to. */
export interface Tally {
  readonly sent: number;
  readonly answered: number;
  /** Not answered before their deadline. */
  readonly lost: number;
  readonly wrong: number;
  /** Longest time in which no answer came. */
  readonly longestGapMs: number;
  readonly medianMs: number | undefined;
  readonly ways: readonly { readonly way: string; readonly answered: number }[];
}

/** Counts requests that have ended; the ways are in the order in which they were first taken. */
export function tally(outcomes: readonly Outcome[]): Tally {
  const answers = outcomes
    .filter((one): one is Outcome & { way: string } => one.way !== undefined)
    .sort((a, b) => a.endedMs - b.endedMs);
  const ways = new Map<string, number>();
  for (const { way } of answers) ways.set(way, (ways.get(way) ?? 0) + 1);
  const ended = answers.map(({ endedMs }) => endedMs);
  return {
    sent: outcomes.length,
    answered: answers.length,
    lost: outcomes.length - answers.length,
    wrong: answers.filter(({ right }) => !right).length,
    longestGapMs: Math.max(0, ...ended.slice(1).map((endedMs, i) => endedMs - (ended[i] ?? endedMs))),
    medianMs: answers.length === 0 ? undefined : median(answers.map(({ sentMs, endedMs }) => endedMs - sentMs)),
    ways: [...ways].map(([way, answered]) => ({ way, answered })),
  };
}
