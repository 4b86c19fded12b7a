import { errorPct, median } from '../statistics.js';

export interface Sample {
  readonly bytes: number;
  readonly ms: number;
}

export interface Line {
  readonly fixedMs: number;
  readonly msPerByte: number;
}

/**
 * The line through samples by the method of Theil and Sen: the median of the slopes between all pairs of different sizes,
 * and the median of what is left. Up to a quarter of the samples may be wild (a lost packet, a busy machine).
 */
export function fitLine(samples: readonly Sample[]): Line {
  const slopes = samples.flatMap((a, i) =>
    samples.slice(i + 1).flatMap((b) => (a.bytes === b.bytes ? [] : [(b.ms - a.ms) / (b.bytes - a.bytes)])),
  );
  // A link faster than can be seen from these sizes still takes some time for a byte.
  const msPerByte = slopes.length === 0 ? fastest : Math.max(fastest, median(slopes));
  const fixedMs = Math.max(0, median(samples.map(({ bytes, ms }) => ms - bytes * msPerByte)));
  return { fixedMs, msPerByte };
}

/** A terabyte in a second. */
const fastest = 1e-9;

/** Median difference of the samples from the line, in percent of the line. */
export function fitErrorPct(samples: readonly Sample[], { fixedMs, msPerByte }: Line): number {
  return median(samples.map(({ bytes, ms }) => errorPct(ms, Math.max(1e-6, fixedMs + bytes * msPerByte))));
}
