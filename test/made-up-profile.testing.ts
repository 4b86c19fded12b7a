import type { ModelProfile } from '@cutpoint/plan';
import { inferenceRuntime, openCutModel } from '@cutpoint/runtime';

/** A profile as it might have been measured: every cut is as far from the next, and the whole takes `wholeMs`. */
export async function madeUpProfile(path: string, wholeMs: number): Promise<ModelProfile> {
  const { file, list, assumed } = await openCutModel(path);
  const last = list.cuts.length - 1;
  const frontMs = list.cuts.map(({ index }) => (wholeMs * index) / last);
  return {
    format: 'cutpoint-model-profile',
    version: 2,
    model: {
      name: file.name,
      hash: file.hash,
      dims: Object.fromEntries(assumed.map(({ name, size }) => [name, size])),
    },
    device: {
      name: 'made up',
      os: 'none',
      arch: 'none',
      cpu: 'none',
      cores: 1,
      memoryBytes: 1e9,
      instructionSets: [],
      providers: ['cpu'],
      power: { source: 'stated', idleW: 1, busyW: 2, networkW: 1 },
    },
    runtime: { ...inferenceRuntime, provider: 'cpu', threads: 1 },
    measuredAt: new Date().toISOString(),
    cuts: list.cuts.map(({ index, name, bytes, frontWeightBytes }) => {
      return { index, name, bytes, f32Bytes: bytes, answerBytes: index === last ? 0 : 8, frontWeightBytes };
    }),
    measured: [
      {
        from: 0,
        to: last,
        medianMs: wholeMs,
        p10Ms: wholeMs,
        p90Ms: wholeMs,
        runs: 9,
        loadMs: 1,
        residentBytes: 1,
        peakBytes: 1,
      },
    ],
    frontMs,
    backMs: frontMs.map((ms) => wholeMs - ms),
    wholeMs,
    between: { workMs: frontMs, enterMs: frontMs.map(() => 0), leaveMs: frontMs.map(() => 0) },
    fit: { kind: 'subset', measuredCuts: [0, last], errorPct: null, referenceDriftPct: 0, referenceMs: wholeMs },
    memory: { baseBytes: 1, perWeightByte: 1, perActivationByte: 1, errorPct: null },
  };
}
