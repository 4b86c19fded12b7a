import type { AssumedDim } from '@cutpoint/runtime';

/** Says on stderr which free dimensions had to be assumed: sizes, and thus bytes, depend on them. */
export function noteAssumedDims(assumed: readonly AssumedDim[]): void {
  if (assumed.length === 0) return;
  const sizes = assumed.map(({ name, size }) => `${name}=${size}`).join(' ');
  process.stderr.write(`assumed ${sizes} (free dimensions; set them with --dim name=value)\n`);
}
