export { median, quantile } from '@cutpoint/core';

/** How far an estimate is from the truth, in percent of the truth. */
export function errorPct(estimate: number, truth: number): number {
  return (Math.abs(estimate - truth) / truth) * 100;
}
