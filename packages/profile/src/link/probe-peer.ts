import {
  asCutpointError,
  type CancelSignal,
  CancelSource,
  CutpointError,
  cancelReason,
  onCancel,
} from '@cutpoint/core';
import type { LinkProfile } from '@cutpoint/plan';
import { maxProbeBytes, type Peer } from '@cutpoint/wire/browser';
import { median, quantile } from '../statistics.js';
import { fitErrorPct, fitLine, type Line } from './line-fit.js';
import { type Direction, type Prober, proberOf } from './prober.js';

/** How a link is probed. */
export interface ProbePeerOptions {
  readonly signal?: CancelSignal | undefined;
  /** How long all of it may take, connecting included. Default 10,000. */
  readonly budgetMs?: number | undefined;
  readonly onProgress?: ((what: string) => void) | undefined;
}

export const defaultBudgetMs = 10_000;
const directions: readonly Direction[] = ['up', 'down'];
/** Messages longer than this tell nothing more about the link. */
const mostBytes = Math.min(4 * 1024 ** 2, maxProbeBytes);
const firstBytes = 4 * 1024;
/** Shares of the largest message that are sent as well. */
const sizeShares = [1, 0.25, 0.5, 1 / 16];
const maxRounds = 12;

/**
 * Measures a link through the connection that requests use: round trips, then messages of several sizes in both directions,
 * one at a time, after a warm-up that opens TCP's window. The sizes follow the speed of the link, so that all stays within
 * the budget. Each direction's line is fitted robustly; round trips cannot tell the fixed parts of the two directions
 * apart, so they are made equal.
 * @param url names the link in the profile.
 * @throws CutpointError CUT_DEADLINE if the link is too slow for the budget; CUT_CANCELLED; what requests throw.
 */
export async function probePeer(peer: Peer, url: string, options: ProbePeerOptions = {}): Promise<LinkProfile> {
  const { budgetMs = defaultBudgetMs } = options;
  return await probeUntil(peer, url, performance.now() + budgetMs, { ...options, budgetMs });
}

/** As `probePeer`, until a time that was set before. */
export async function probeUntil(
  peer: Peer,
  url: string,
  endsAtMs: number,
  { budgetMs, signal, onProgress = () => {} }: ProbePeerOptions & { readonly budgetMs: number },
): Promise<LinkProfile> {
  const remainingMs = () => endsAtMs - performance.now();
  const stop = new CancelSource();
  const timer = setTimeout(() => stop.abort(overdue(url, budgetMs)), Math.max(0, Math.ceil(remainingMs())));
  using _ = onCancel(signal, () => signal && stop.abort(cancelReason(signal)));
  try {
    const prober = proberOf(peer, url, remainingMs, stop);
    onProgress('round trips');
    const pings = await pingFor(prober, budgetMs * 0.2);
    onProgress('warming up');
    const rates = await warmUp(prober, budgetMs * 0.25);
    const samples = await sendSizes(prober, { rates, pingMs: median(pings), remainingMs, onProgress });
    return linkProfile(url, pings, samples);
  } catch (thrown) {
    throw whyNot(thrown, url, { signal, isOver: remainingMs() <= 0, budgetMs });
  } finally {
    clearTimeout(timer);
  }
}

/** Why a probe failed, in words for whoever asked for it. */
export function whyNot(
  thrown: unknown,
  url: string,
  { signal, isOver, budgetMs }: { signal: CancelSignal | undefined; isOver: boolean; budgetMs: number },
): unknown {
  if (signal?.aborted === true) return cancelReason(signal);
  return isOver ? overdue(url, budgetMs, thrown) : thrown;
}

function overdue(url: string, budgetMs: number, cause?: unknown): CutpointError {
  const message = `The link to ${url} is too slow to be probed in ${budgetMs} ms; allow more time (--budget-ms).`;
  return new CutpointError('CUT_DEADLINE', message, { cause });
}

/** Round trips for so long, 5 to 100 of them; the first, which finds cold caches, is not counted. */
async function pingFor(prober: Prober, ms: number): Promise<number[]> {
  const until = performance.now() + ms;
  const pings: number[] = [];
  await prober.ping();
  while (pings.length < 5 || (pings.length < 100 && performance.now() < until)) pings.push(await prober.ping());
  return pings;
}

/** Sends more and more until a message takes a tenth of the time or is as long as it may be; bytes per ms at last. */
async function warmUp(prober: Prober, ms: number): Promise<Record<Direction, number>> {
  const rates = { up: 0, down: 0 };
  for (const direction of directions) {
    const until = performance.now() + ms / 2;
    const pingMs = await prober.ping();
    let tookMs = 0;
    for (let bytes = firstBytes; bytes <= mostBytes && performance.now() + 2 * tookMs < until; bytes *= 2) {
      tookMs = await prober.message(direction, bytes);
      rates[direction] = bytes / Math.max(tookMs - pingMs, tookMs / 100, 1e-3);
    }
  }
  return rates;
}

interface SampleOptions {
  readonly rates: Record<Direction, number>;
  readonly pingMs: number;
  readonly remainingMs: () => number;
  readonly onProgress: (what: string) => void;
}

type LinkSample = LinkProfile['samples'][number];

/** One-way times of messages: half a round trip is the other way's. */
async function sendSizes(prober: Prober, options: SampleOptions): Promise<LinkSample[]> {
  const { rates, pingMs, remainingMs, onProgress } = options;
  const totalMs = remainingMs() * 0.8;
  // Four sizes in both directions, three times: what is left after their round trips is for their bytes.
  const bytesMs =
    Math.max(totalMs - 24 * pingMs, totalMs * 0.25) / (2 * 3 * sizeShares.reduce((sum, share) => sum + share, 0));
  const largest = (direction: Direction) =>
    Math.round(Math.min(mostBytes, Math.max(firstBytes, bytesMs * rates[direction])));
  const samples: LinkSample[] = [];
  const untilMs = remainingMs() - totalMs;
  for (let round = 0; round < maxRounds; round++) {
    for (const share of sizeShares) {
      for (const direction of directions) {
        const bytes = Math.round(largest(direction) * share);
        const expectedMs = pingMs + bytes / rates[direction];
        if (samples.length >= directions.length && remainingMs() - expectedMs < untilMs) return samples;
        onProgress(`${direction}: ${bytes} bytes (message ${samples.length + 1})`);
        const tookMs = await inTime(prober.message(direction, bytes));
        // A message that took longer than was to be expected does not spoil those before it.
        if (tookMs === undefined && samples.length >= directions.length) return samples;
        if (tookMs === undefined) throw new CutpointError('CUT_DEADLINE', 'The first messages took too long.');
        samples.push({ direction, bytes, ms: Math.max(0, tookMs - pingMs / 2) });
      }
    }
  }
  return samples;
}

/** Undefined if the time is over. @throws CutpointError what else went wrong. */
async function inTime(work: Promise<number>): Promise<number | undefined> {
  try {
    return await work;
  } catch (thrown) {
    if (asCutpointError(thrown, 'CUT_INTERNAL').code === 'CUT_DEADLINE') return undefined;
    throw thrown;
  }
}

function linkProfile(url: string, pings: readonly number[], messages: readonly LinkSample[]): LinkProfile {
  const rttMs = { median: median(pings), p90: quantile(pings, 0.9), min: Math.min(...pings) };
  const empty = pings.map((ms) => Math.max(0, ms - rttMs.median / 2));
  const samplesOf = (direction: Direction) => [
    ...empty.map((ms) => ({ direction, bytes: 0, ms })),
    ...messages.filter((sample) => sample.direction === direction),
  ];
  const slope = (direction: Direction) => fitLine(balanced(samplesOf(direction)));
  const lines = { up: slope('up'), down: slope('down') };
  // A slow start of long messages must not count against short ones: these take little more than a round trip.
  const fixedMs = Math.min((lines.up.fixedMs + lines.down.fixedMs) / 2, rttMs.median);
  const line = (direction: Direction): Line => ({ fixedMs, msPerByte: lines[direction].msPerByte });
  const errors = directions.map((direction) =>
    fitErrorPct(
      messages.filter((sample) => sample.direction === direction),
      line(direction),
    ),
  );
  const rounded = (direction: Direction) => ({ fixedMs, bytesPerS: 1000 / lines[direction].msPerByte });
  return {
    format: 'cutpoint-link-profile',
    version: 1,
    url,
    measuredAt: new Date().toISOString(),
    rttMs,
    jitterMs: meanStep(pings),
    up: rounded('up'),
    down: rounded('down'),
    samples: [...messages],
    fitErrorPct: Math.max(...errors),
  };
}

/** No more empty messages than others of one size, so that pings do not outvote them. */
function balanced(samples: readonly LinkSample[]): LinkSample[] {
  const others = samples.filter(({ bytes }) => bytes > 0);
  const empty = samples.filter(({ bytes }) => bytes === 0);
  return [...others, ...empty.slice(0, Math.max(1, Math.ceil(others.length / sizeShares.length)))];
}

function meanStep(values: readonly number[]): number {
  const steps = values.slice(1).map((value, i) => Math.abs(value - (values[i] ?? value)));
  return steps.reduce((sum, step) => sum + step, 0) / Math.max(1, steps.length);
}
