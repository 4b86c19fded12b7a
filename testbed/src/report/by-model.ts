import type { ResultRow } from './results.js';

/** The rows by model, in order of appearance. */
export function byModel(rows: readonly ResultRow[]): ReadonlyMap<string, readonly ResultRow[]> {
  const models = [...new Set(rows.map(({ model }) => model))];
  return new Map(models.map((model) => [model, rows.filter((row) => row.model === model)]));
}
