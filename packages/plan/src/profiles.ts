import { z } from 'zod';

/** The measured facts that planning starts from. `packages/profile` writes them; they are JSON files with these schemas. */

const ms = z.number().nonnegative();
const bytes = z.number().int().nonnegative();

/** How much power a device takes, and where that is known from. */
export const powerSchema = z.strictObject({
  /** `stated`: nobody measured it, the figures are the owner's or a default. */
  source: z.enum(['rapl', 'hwmon', 'pmic', 'stated']),
  idleW: z.number().nonnegative().max(100_000),
  /** While one segment computes. */
  busyW: z.number().nonnegative().max(100_000),
  /** While sending or receiving. */
  networkW: z.number().nonnegative().max(100_000),
});
export type Power = z.infer<typeof powerSchema>;

export const deviceProfileSchema = z.strictObject({
  name: z.string().max(200),
  os: z.string().max(200),
  arch: z.string().max(50),
  cpu: z.string().max(200),
  cores: z.number().int().positive(),
  memoryBytes: bytes,
  /** Instruction sets that matter to arithmetic: avx2, avx512f, avx512_vnni, neon, dotprod, ... */
  instructionSets: z.array(z.string().max(50)).max(200),
  providers: z.array(z.string().max(50)).max(50),
  power: powerSchema,
});
export type DeviceProfile = z.infer<typeof deviceProfileSchema>;

/** Times of one segment, warmed up: from its inputs in memory to its outputs in memory. */
const segmentMeasurementSchema = z.strictObject({
  from: z.number().int().nonnegative(),
  to: z.number().int().positive(),
  medianMs: ms,
  p10Ms: ms,
  p90Ms: ms,
  runs: z.number().int().positive(),
  loadMs: ms,
  /** Resident memory of a process of its own that holds the segment, after loading and at its most, less the process alone. */
  residentBytes: bytes.nullable(),
  peakBytes: bytes.nullable(),
});
export type SegmentMeasurement = z.infer<typeof segmentMeasurementSchema>;

/** Of whatever version. */
export const modelProfileVersion = z.object({
  format: z.literal('cutpoint-model-profile'),
  version: z.number(),
});

export const modelProfileSchema = z.strictObject({
  format: z.literal('cutpoint-model-profile'),
  version: z.literal(2),
  model: z.strictObject({
    name: z.string().max(1000),
    /** SHA-256 of the model file, hex. */
    hash: z.string().regex(/^[0-9a-f]{64}$/),
    dims: z.record(z.string().max(200), z.number().int().positive()),
  }),
  device: deviceProfileSchema,
  runtime: z.strictObject({
    name: z.string().max(100),
    version: z.string().max(100),
    provider: z.string().max(100),
    threads: z.number().int().positive(),
  }),
  measuredAt: z.iso.datetime(),
  /** Every legal cut, in order of its index. */
  cuts: z
    .array(
      z.strictObject({
        index: z.number().int().nonnegative(),
        name: z.string().max(1000),
        /** What crosses, uncompressed; of it the part whose elements are f32 (what f16 can halve). */
        bytes,
        f32Bytes: bytes,
        /** Bytes of the model's outputs that are computed behind the cut, and so travel back across it. */
        answerBytes: bytes,
        frontWeightBytes: bytes,
      }),
    )
    .min(2)
    .max(100_000),
  measured: z.array(segmentMeasurementSchema).min(1).max(200_000),
  /**
   * By cut index: the time of the front segment (everything before the cut) and of the back segment (everything behind
   * it), measured where `measured` has it and fitted elsewhere.
   */
  frontMs: z.array(ms),
  backMs: z.array(ms),
  wholeMs: ms,
  /**
   * By cut index: a segment between two inner cuts takes `workMs[to] - workMs[from]`, to take in what crosses the cut
   * before it (`enterMs[from]`), and the call and to bring out what crosses the one behind it (`leaveMs[to]`).
   */
  between: z.strictObject({ workMs: z.array(ms), enterMs: z.array(ms), leaveMs: z.array(ms) }),
  fit: z.strictObject({
    /** `all`: nothing had to be fitted. */
    kind: z.enum(['all', 'subset']),
    measuredCuts: z.array(z.number().int().nonnegative()),
    /** Of measured times left out of the fit one at a time; null with `all`. */
    errorPct: z.strictObject({ median: z.number(), p90: z.number() }).nullable(),
    /** How far the reference segment drifted during the measurement, largest over smallest, less 1, in percent. */
    referenceDriftPct: z.number().nonnegative(),
    /** Median of the reference segment in ms: how fast the machine was while this was measured. */
    referenceMs: ms,
  }),
  /** Memory of a segment: `baseBytes + perWeightByte * its weight bytes + perActivationByte * its largest crossing`. */
  memory: z.strictObject({
    baseBytes: bytes,
    perWeightByte: z.number().nonnegative(),
    perActivationByte: z.number().nonnegative(),
    errorPct: z.number().nonnegative().nullable(),
  }),
});
export type ModelProfile = z.infer<typeof modelProfileSchema>;

const directionSchema = z.strictObject({
  /** Time of a message without bytes, one way. */
  fixedMs: ms,
  bytesPerS: z.number().positive(),
});

/** A link as probed through the real transport. */
export const linkProfileSchema = z.strictObject({
  format: z.literal('cutpoint-link-profile'),
  version: z.literal(1),
  url: z.string().max(2000),
  measuredAt: z.iso.datetime(),
  rttMs: z.strictObject({ median: ms, p90: ms, min: ms }),
  /** Mean difference of consecutive round trips (RFC 3550 names the idea). */
  jitterMs: ms,
  /** From this side to the other, and back. Round trips cannot tell the two fixed parts apart: each is half of their sum. */
  up: directionSchema,
  down: directionSchema,
  samples: z.array(z.strictObject({ direction: z.enum(['up', 'down']), bytes, ms })).max(10_000),
  /** Median difference of the samples from the fitted line. */
  fitErrorPct: z.number().nonnegative(),
});
export type LinkProfile = z.infer<typeof linkProfileSchema>;
