import type { ModelProfile } from './profiles.js';

/** A profile of a model with four cuts; its times do not add up exactly, as real ones do not. */
export function profileOf(changes: Partial<ModelProfile> = {}): ModelProfile {
  return {
    format: 'cutpoint-model-profile',
    version: 2,
    model: { name: 'net.onnx', hash: 'a'.repeat(64), dims: { batch: 1 } },
    device: {
      name: 'box',
      os: 'linux',
      arch: 'x64',
      cpu: 'cpu',
      cores: 2,
      memoryBytes: 8e9,
      instructionSets: ['avx2'],
      providers: ['cpu'],
      power: { source: 'stated', idleW: 2, busyW: 6, networkW: 1 },
    },
    runtime: { name: 'onnxruntime', version: '1.2.3', provider: 'cpu', threads: 1 },
    measuredAt: '2025-01-01T00:00:00Z',
    cuts: [
      { index: 0, name: 'input', bytes: 4000, f32Bytes: 4000, answerBytes: 40, frontWeightBytes: 0 },
      { index: 1, name: 'a', bytes: 9000, f32Bytes: 8000, answerBytes: 40, frontWeightBytes: 1000 },
      { index: 2, name: 'b', bytes: 1000, f32Bytes: 0, answerBytes: 40, frontWeightBytes: 3000 },
      { index: 3, name: 'end', bytes: 40, f32Bytes: 40, answerBytes: 0, frontWeightBytes: 7000 },
    ],
    measured: [
      { from: 0, to: 3, medianMs: 10, p10Ms: 9, p90Ms: 12, runs: 9, loadMs: 5, residentBytes: null, peakBytes: 50_000 },
      { from: 1, to: 2, medianMs: 4.5, p10Ms: 4, p90Ms: 5, runs: 9, loadMs: 5, residentBytes: null, peakBytes: null },
    ],
    frontMs: [0, 3, 7, 10],
    backMs: [10, 8, 4, 0],
    wholeMs: 10,
    between: { workMs: [0, 2, 5, 7], enterMs: [0, 1, 1, 1], leaveMs: [0, 1, 2, 2] },
    fit: { kind: 'all', measuredCuts: [0, 1, 2, 3], errorPct: null, referenceDriftPct: 1, referenceMs: 1 },
    memory: { baseBytes: 10_000, perWeightByte: 2, perActivationByte: 3, errorPct: null },
    ...changes,
  };
}
