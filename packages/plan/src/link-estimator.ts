/** One direction of a link as seen in live traffic. */
export interface LinkEstimate {
  readonly fixedMs: number;
  readonly bytesPerS: number;
  /** The time of a message may be off by this share, up or down. */
  readonly uncertainty: number;
  readonly observations: number;
}

export interface LinkEstimator {
  /** A message of so many bytes took so long, one way. Values that are not numbers from 0 up are refused. */
  observe(bytes: number, ms: number): void;
  readonly estimate: LinkEstimate;
}

export interface EstimatorOptions {
  readonly initial: { readonly fixedMs: number; readonly bytesPerS: number };
  /** Only the latest observations count. Default 48. */
  readonly window?: number;
}

/** A median absolute deviation times this is the standard deviation of normal errors. */
const toDeviation = 1.4826;
/** Sizes must differ by this factor to tell delay and rate apart. */
const leastSpread = 1.5;
const fewest = 4;
const fastest = 1e12;

/**
 * Fits `ms = fixedMs + bytes / bytesPerS` to the latest messages with the median of the slopes between pairs (P. Sen, JASA 63,
 * 1968; H. Theil 1950), which up to 29 % outliers do not spoil. Messages of one size cannot tell delay and rate apart; both
 * are then scaled alike.
 */
export function createLinkEstimator({ initial, window = 48 }: EstimatorOptions): LinkEstimator {
  const seen: { bytes: number; ms: number }[] = [];
  let latest: LinkEstimate = { ...initial, uncertainty: 1, observations: 0 };
  let count = 0;
  return {
    observe(bytes, ms) {
      if (!(bytes >= 0 && ms >= 0 && Number.isFinite(bytes + ms))) throw new RangeError(`${bytes} bytes in ${ms} ms`);
      seen.push({ bytes, ms });
      if (seen.length > window) seen.shift();
      count++;
      if (seen.length >= fewest) latest = { ...fitted(seen, latest), observations: count };
      else latest = { ...latest, observations: count };
    },
    get estimate() {
      return latest;
    },
  };
}

function fitted(
  seen: readonly { bytes: number; ms: number }[],
  before: LinkEstimate,
): Omit<LinkEstimate, 'observations'> {
  const line = lineOf(seen) ?? scaled(seen, before);
  const off = seen.map(({ bytes, ms }) => {
    const expected = line.fixedMs + (bytes / line.bytesPerS) * 1000;
    return Math.abs(ms - expected) / Math.max(expected, 1e-6);
  });
  return { ...line, uncertainty: Math.min(1, (2 * toDeviation * median(off)) / Math.sqrt(seen.length)) };
}

function lineOf(seen: readonly { bytes: number; ms: number }[]): { fixedMs: number; bytesPerS: number } | undefined {
  const slopes: number[] = [];
  for (const [i, a] of seen.entries()) {
    for (const b of seen.slice(i + 1)) {
      const [small, large] = a.bytes < b.bytes ? [a, b] : [b, a];
      if (large.bytes > small.bytes * leastSpread) slopes.push((large.ms - small.ms) / (large.bytes - small.bytes));
    }
  }
  if (slopes.length < seen.length) return undefined;
  const slope = Math.max(median(slopes), 1000 / fastest);
  return {
    fixedMs: Math.max(0, median(seen.map(({ bytes, ms }) => ms - slope * bytes))),
    bytesPerS: 1000 / slope,
  };
}

function scaled(seen: readonly { bytes: number; ms: number }[], { fixedMs, bytesPerS }: LinkEstimate) {
  const factor = median(seen.map(({ bytes, ms }) => ms / Math.max(fixedMs + (bytes / bytesPerS) * 1000, 1e-6)));
  const safe = Math.max(factor, 1e-6);
  return { fixedMs: fixedMs * safe, bytesPerS: bytesPerS / safe };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? 0)) / 2;
}
