import { createHash } from 'node:crypto';
import { CutpointError } from '@cutpoint/core';
import type { ModelProfile } from '@cutpoint/plan';
import { type ResultRow, resultRowSchema } from '../report/results.js';
import type { LoadedScenario } from '../scenarios/load-scenario.js';
import type { ScenarioModel } from '../scenarios/problem-for.js';

/**
 * What rows of a sweep belong to: rows of another scenario, model, device profile or way of measuring must not be
 * continued. The model's hash covers its preprocessing.
 */
export function sweepIdentity(
  { scenario, traces, linkProfiles }: LoadedScenario,
  { cutModel, calibration }: ScenarioModel,
  profiles: Readonly<Record<string, ModelProfile>>,
  measuring: { readonly secondsEach: number; readonly emulation: string },
): string {
  const costs = Object.values(profiles).map(({ runtime, device, frontMs, backMs, memory }) => [
    runtime,
    device,
    frontMs,
    backMs,
    memory,
  ]);
  const parts = JSON.stringify([scenario, traces, linkProfiles, cutModel.file.hash, calibration, costs, measuring]);
  return createHash('sha256').update(parts).digest('hex');
}

/** @throws CutpointError CUT_USAGE if it is no row. */
export function parseRow(value: unknown): ResultRow {
  const parsed = resultRowSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new CutpointError('CUT_USAGE', 'a line is no row of results');
}
