import fc from 'fast-check';
import type { PlanLimits } from './limits.js';
import { type Objective, objectives, type PlanProblem } from './problem.js';

/** Small numbers, so that equals are common; sums of them are exact. */
const small = fc.integer({ min: 0, max: 4 });
const time = fc.integer({ min: 1, max: 5 });
/** Such that the time is a whole number however it is computed. */
const msPerByte = fc.constantFrom(1, 2, 4);

/** A problem as tables, which print well when a property fails. */
export interface TableProblem {
  cuts: number;
  devices: {
    edge: boolean;
    /** At `from * cuts + to`; null: it cannot run. */
    load: { ms: (number | null)[]; arrivalHz: number | null };
    memory: number[];
    limit: number;
    idleW: number;
    busyW: number;
    networkW: number;
    sharedBy: number;
  }[];
  /** At `a * devices + b`; null: no link. */
  links: ({ upFixed: number; upMsPerByte: number; downFixed: number; downMsPerByte: number } | null)[];
  codecs: { bytes: (number | null)[]; encodeMs: number[]; decodeMs: number[]; loss: number[] }[];
  answerBytes: number[];
}

const often = <T>(arbitrary: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 8, arbitrary }, { weight: 1, arbitrary: fc.constant(null) });
const list = <T>(arbitrary: fc.Arbitrary<T>, length: number) =>
  fc.array(arbitrary, { minLength: length, maxLength: length });

export const tableProblem: fc.Arbitrary<TableProblem> = fc
  .record({
    cuts: fc.integer({ min: 2, max: 6 }),
    devices: fc.integer({ min: 1, max: 3 }),
    codecs: fc.integer({ min: 1, max: 3 }),
  })
  .chain(({ cuts, devices, codecs }) =>
    fc.record({
      cuts: fc.constant(cuts),
      devices: list(
        fc.record({
          edge: fc.boolean(),
          load: fc.oneof(
            { weight: 2, arbitrary: fc.record({ ms: list(often(time), cuts * cuts), arrivalHz: fc.constant(null) }) },
            // 4 ms make the queue half full, and the wait 2 ms; 8 ms are too many.
            {
              weight: 1,
              arbitrary: fc.record({
                ms: list(often(fc.constantFrom(4, 4, 8)), cuts * cuts),
                arrivalHz: fc.constant(125),
              }),
            },
          ),
          memory: list(small, cuts * cuts),
          limit: fc.constantFrom(3, 9),
          idleW: fc.constantFrom(0, 1, 2),
          busyW: fc.constantFrom(1, 3),
          networkW: small,
          sharedBy: fc.constantFrom(1, 1, 3),
        }),
        devices,
      ),
      links: list(
        often(fc.record({ upFixed: small, upMsPerByte: msPerByte, downFixed: small, downMsPerByte: msPerByte })),
        devices * devices,
      ),
      codecs: list(
        fc.record({
          bytes: list(often(small), cuts),
          encodeMs: list(small, cuts),
          decodeMs: list(small, cuts),
          loss: list(fc.constantFrom(0, 0, 1, 2), cuts),
        }),
        codecs,
      ),
      answerBytes: list(small, cuts),
    }),
  );

export const someObjectives: fc.Arbitrary<Objective[]> = fc.subarray([...objectives], { minLength: 1 });

const rarely = <T>(arbitrary: fc.Arbitrary<T>) => fc.oneof(fc.constant(undefined), fc.constant(undefined), arbitrary);
export const someLimits: fc.Arbitrary<PlanLimits> = fc.oneof(
  { weight: 2, arbitrary: fc.constant({}) },
  {
    weight: 3,
    arbitrary: fc.record({
      maxLatencyMs: rarely(fc.integer({ min: 3, max: 60 })),
      minThroughputHz: rarely(fc.integer({ min: 2, max: 20 }).map((ms) => 1000 / ms)),
      maxEdgeEnergyJ: rarely(fc.integer({ min: 3, max: 200 }).map((mj) => mj / 1000)),
      maxPeakMemoryBytes: rarely(small),
      maxWireBytes: rarely(fc.integer({ min: 0, max: 12 })),
      maxAccuracyLoss: rarely(fc.integer({ min: 0, max: 4 })),
    }),
  },
);

export function problemOfTables(tables: TableProblem): PlanProblem {
  const { cuts } = tables;
  const count = tables.devices.length;
  return {
    cuts,
    devices: tables.devices.map((device, d) => ({
      id: `d${d}`,
      edge: device.edge,
      segmentMs: (from, to) => device.load.ms[from * cuts + to] ?? undefined,
      memoryBytes: (from, to) => device.memory[from * cuts + to] ?? 0,
      memoryLimitBytes: device.limit,
      power: device,
      sharedBy: device.sharedBy,
      arrivalHz: device.load.arrivalHz ?? undefined,
    })),
    links: Array.from({ length: count }, (_, a) =>
      Array.from({ length: count }, (_, b) => {
        const link = a < b ? tables.links[a * count + b] : null;
        if (link === null || link === undefined) return undefined;
        return {
          id: `d${a}-d${b}`,
          up: { fixedMs: link.upFixed, bytesPerS: 1000 / link.upMsPerByte },
          down: { fixedMs: link.downFixed, bytesPerS: 1000 / link.downMsPerByte },
        };
      }),
    ),
    codecs: tables.codecs.map((codec, k) => ({
      id: `c${k}`,
      bytes: (cut) => codec.bytes[cut] ?? undefined,
      encodeMs: (cut, device) => (codec.encodeMs[cut] ?? 0) + device,
      decodeMs: (cut, device) => (codec.decodeMs[cut] ?? 0) * (device % 2),
      accuracyLoss: (cut) => codec.loss[cut] ?? 0,
    })),
    answerBytes: tables.answerBytes,
  };
}
