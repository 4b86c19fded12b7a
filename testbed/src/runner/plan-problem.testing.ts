import type { PlanProblem } from '@cutpoint/plan';

/** Devices in a chain that need as long as there are cuts, over links of 10 ms; cut 3 is crossed by little. */
export function problemWith(devices: number, cuts: number): PlanProblem {
  const link = { id: 'link', up: { fixedMs: 10, bytesPerS: 1e6 }, down: { fixedMs: 10, bytesPerS: 1e6 } };
  return {
    cuts,
    devices: Array.from({ length: devices }, (_, i) => ({
      id: `device-${i}`,
      edge: i === 0,
      segmentMs: (from: number, to: number) => (to - from) * (i + 1),
      memoryBytes: () => 1,
      memoryLimitBytes: 10,
      power: { idleW: 1, busyW: 2, networkW: 1 },
      sharedBy: 1,
      arrivalHz: undefined,
    })),
    links: Array.from({ length: devices }, (_, a) =>
      Array.from({ length: devices }, (_, b) => (b > a ? link : undefined)),
    ),
    codecs: [
      {
        id: 'raw',
        bytes: (cut: number) => (cut === 3 ? 10 : 10_000 * (cut + 1)),
        encodeMs: () => 0,
        decodeMs: () => 0,
        accuracyLoss: () => 0,
      },
    ],
    answerBytes: Array.from({ length: cuts }, () => 8),
  };
}
