import type { Downtime } from './supervised.testing.js';

/** One request of a load, from its first sending to its end. */
export interface Sent {
  readonly atMs: number;
  readonly from: 'agents' | 'callers';
  /** Where it may come in: the downtimes of each. */
  readonly entries: readonly (readonly Downtime[])[];
  answeredMs?: number;
  attempts: number;
  wrong?: boolean;
  duplicated?: boolean;
  way?: string;
  /** What ended each attempt in vain, and when. */
  failures: { readonly atMs: number; readonly code: string }[];
}

/** What became of the requests of a load with a fault in it. */
export interface FaultReport {
  readonly fault: string;
  readonly sent: number;
  readonly answered: number;
  /** Of those that did not end in time: no daemon that they could come in by ran for long enough before their deadline. */
  readonly impossible: number;
  /** All others that did not end in time, by the code of the last attempt. */
  readonly lost: Readonly<Record<string, number>>;
  /** When each of them was sent, in seconds, and how its attempts ended. */
  readonly losses: readonly string[];
  readonly wrong: number;
  /** Repeated with the same id, the answer was another, or was computed anew by the same process. */
  readonly duplicated: number;
  readonly retried: number;
  /** Longest time between two answers that followed one another, at agents and at callers over HTTP. */
  readonly longestGapMs: Readonly<Record<Sent['from'], number>>;
  /** From the fault until for a second as many were answered as could be. */
  readonly backMs: number;
  /** From the end of the fault: of the restart, or of what was slow, cut or stopped. */
  readonly backAfterEndMs: number | undefined;
  readonly medianMs: number;
  readonly ways: Readonly<Record<string, number>>;
  readonly notes: readonly string[];
}

export interface Moments {
  readonly startMs: number;
  readonly faultMs: number;
  readonly endMs: number | undefined;
  readonly stopMs: number;
}

/** A request that has less than this left by a daemon that runs need not be answered. */
const leastMs = 1_000;
const windowMs = 1_000;
const stepMs = 50;
const asBefore = 0.9;

export function report(
  fault: string,
  all: readonly Sent[],
  { startMs, faultMs, endMs, stopMs }: Moments,
  deadlineMs: number,
  notes: readonly string[],
): FaultReport {
  const answered = all.filter(({ answeredMs }) => answeredMs !== undefined);
  const failed = all.filter(({ answeredMs }) => answeredMs === undefined);
  const possible = (sent: Sent) => couldFinish(sent, deadlineMs);
  const lost = failed.filter(possible);
  const savable = all.filter((sent) => sent.answeredMs !== undefined || possible(sent));
  const gap = (from: Sent['from']) =>
    Math.round(longestGap(answered.filter((one) => one.from === from).map(timeOf), startMs, stopMs));
  const took = answered.map((sent) => timeOf(sent) - sent.atMs).sort((a, b) => a - b);
  return {
    fault,
    sent: all.length,
    answered: answered.length,
    impossible: failed.filter((sent) => !possible(sent)).length,
    lost: counted(lost.map(({ from, failures }) => `${from} ${failures.at(-1)?.code ?? 'CUT_DEADLINE'}`)),
    losses: lost.map((sent) => lossOf(sent, startMs)),
    wrong: answered.filter(({ wrong }) => wrong).length,
    duplicated: answered.filter(({ duplicated }) => duplicated).length,
    retried: all.filter(({ attempts }) => attempts > 1).length,
    longestGapMs: { agents: gap('agents'), callers: gap('callers') },
    backMs: backAfter(faultMs, savable, stopMs),
    backAfterEndMs: endMs === undefined ? undefined : backAfter(endMs, savable, stopMs),
    medianMs: Math.round((took[took.length >> 1] ?? 0) * 10) / 10,
    ways: counted(answered.map(({ way }) => way ?? 'unknown')),
    notes,
  };
}

/** Whether some daemon that the request may come in by ran for long enough within its time. */
export function couldFinish({ atMs, entries }: Sent, deadlineMs: number): boolean {
  return entries.some((downtimes) => longestUp(downtimes, atMs, atMs + deadlineMs) >= leastMs);
}

function longestUp(downtimes: readonly Downtime[], fromMs: number, toMs: number): number {
  let upSinceMs = fromMs;
  let longestMs = 0;
  for (const down of downtimes) {
    const endMs = down.toMs ?? Number.POSITIVE_INFINITY;
    if (endMs <= fromMs || down.fromMs >= toMs) continue;
    longestMs = Math.max(longestMs, down.fromMs - upSinceMs);
    upSinceMs = endMs;
  }
  return Math.max(longestMs, toMs - upSinceMs);
}

/** How long after a moment as many answers come within a second as requests that can be answered are sent in it. */
function backAfter(fromMs: number, savable: readonly Sent[], stopMs: number): number {
  for (let atMs = fromMs; atMs + windowMs <= stopMs; atMs += stepMs) {
    const within = (ms: number) => ms >= atMs && ms < atMs + windowMs;
    const sent = savable.filter((one) => within(one.atMs)).length;
    const came = savable.filter((one) => one.answeredMs !== undefined && within(one.answeredMs)).length;
    if (came >= asBefore * sent) return Math.round(atMs - fromMs);
  }
  return Number.POSITIVE_INFINITY;
}

function longestGap(times: readonly number[], startMs: number, stopMs: number): number {
  const sorted = [startMs, ...times, stopMs].sort((a, b) => a - b);
  return Math.max(...sorted.map((time, i) => time - (sorted[i - 1] ?? time)));
}

function lossOf({ from, atMs, failures }: Sent, startMs: number): string {
  const ended = failures.map((one) => `${one.code} after ${Math.round(one.atMs - atMs)} ms`).join(', ');
  return `${from} at ${((atMs - startMs) / 1_000).toFixed(2)} s: ${ended}`;
}

function timeOf({ answeredMs }: Sent): number {
  return answeredMs ?? Number.NaN;
}

function counted(texts: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const text of texts) counts[text] = (counts[text] ?? 0) + 1;
  return counts;
}
