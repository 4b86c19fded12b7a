/** The value below which the fraction `at` (0 to 1) of the values lies, interpolated; NaN of no values. */
export function quantile(values: readonly number[], at: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const place = at * (sorted.length - 1);
  const low = sorted[Math.floor(place)] ?? Number.NaN;
  const high = sorted[Math.ceil(place)] ?? Number.NaN;
  return low + (high - low) * (place - Math.floor(place));
}

/** The middle of the values; NaN of no values. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** How far an estimate is from the truth, in percent of the truth. */
export function errorPct(estimate: number, truth: number): number {
  return (Math.abs(estimate - truth) / truth) * 100;
}
