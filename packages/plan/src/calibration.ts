import { z } from 'zod';

/** What codecs at the cuts of a model were measured to cost; `packages/evaluate` writes it, as a JSON file. */

const share = z.number().min(0).max(1);
const error = z.number().nonnegative().nullable();
/** Printable and without blanks, as it is shown and put into commands. */
export const codecSpecSchema = z.string().regex(/^[A-Za-z0-9:=.,+_-]{1,300}$/, 'is no spec of a codec');
const index = z.number().int().nonnegative();

const calibratedCodecSchema = z.strictObject({
  codec: codecSpecSchema,
  n: z.number().int().positive(),
  /** Share of right answers uncut and split; null without labels. */
  top1Whole: share.nullable(),
  top1Split: share.nullable(),
  /** `top1Whole - top1Split`; chance can make it negative. */
  top1Drop: z.number().min(-1).max(1).nullable(),
  top1DropStderr: error,
  /** Share of answers that are those of the uncut model. */
  agreement: share,
  agreementStderr: error,
  /** In nats. */
  klDivergence: z.number().nonnegative(),
  /** What crosses the cut, without framing. */
  bytesPerSample: z.number().nonnegative(),
  bytesStderr: error,
  /** Medians on the machine that calibrated, for all tensors that cross. */
  encodeMs: z.number().nonnegative(),
  decodeMs: z.number().nonnegative(),
  /** What planning counts as lost: `1 - agreement`, which a drop of top-1 cannot exceed. */
  accuracyLoss: share,
  /** No other codec at this cut has fewer bytes and loses no more, or as many and loses less. */
  onFront: z.boolean(),
});
export type CalibratedCodec = z.infer<typeof calibratedCodecSchema>;

const calibratedCutSchema = z.strictObject({
  index,
  name: z.string().max(1000),
  /** What crosses, uncompressed. */
  bytes: index,
  /** The spec of the codec with the fewest bytes of those that lose at most `maxLoss`; it lies on the front. */
  recommended: codecSpecSchema.nullable(),
  codecs: z.array(calibratedCodecSchema).min(1).max(1000),
  /** Codecs that could not carry what crosses here. */
  refused: z.array(z.strictObject({ codec: codecSpecSchema, why: z.string().max(2000) })).max(1000),
});
export type CalibratedCut = z.infer<typeof calibratedCutSchema>;

export const calibrationSchema = z.strictObject({
  format: z.literal('cutpoint-calibration'),
  version: z.literal(1),
  model: z.strictObject({
    name: z.string().max(1000),
    /** SHA-256 of the model with its preprocessing, hex. */
    hash: z.string().regex(/^[0-9a-f]{64}$/),
    dims: z.record(z.string().max(200), z.number().int().positive()),
  }),
  dataSet: z.strictObject({
    name: z.string().max(1000),
    labelled: z.boolean(),
    rows: index,
    /** Samples that tables were made of, and samples that were measured on; none is both. */
    calibratedOn: index,
    measuredOn: index,
    broken: index,
  }),
  runtime: z.strictObject({ name: z.string().max(100), version: z.string().max(100) }),
  measuredAt: z.iso.datetime(),
  /** What a recommended codec may lose. */
  maxLoss: share,
  /** By index, ascending. */
  cuts: z.array(calibratedCutSchema).min(1).max(10_000),
});
export type Calibration = z.infer<typeof calibrationSchema>;

/** Bytes and losses of which codecs at a cut no other beats: fewer bytes and no more loss, or as many bytes and less loss. */
export function rateAccuracyFront<C extends Pick<CalibratedCodec, 'bytesPerSample' | 'accuracyLoss'>>(
  codecs: readonly C[],
): C[] {
  return codecs.filter(
    (codec) =>
      !codecs.some(
        (other) =>
          other.bytesPerSample <= codec.bytesPerSample &&
          other.accuracyLoss <= codec.accuracyLoss &&
          (other.bytesPerSample < codec.bytesPerSample || other.accuracyLoss < codec.accuracyLoss),
      ),
  );
}

/**
 * Of the codecs on a front the one with the fewest bytes that loses at most so much, of equals the fastest.
 * @returns undefined if all lose more.
 */
export function recommend<C extends Pick<CalibratedCodec, 'bytesPerSample' | 'accuracyLoss' | 'encodeMs' | 'decodeMs'>>(
  front: readonly C[],
  maxLoss: number,
): C | undefined {
  const costMs = ({ encodeMs, decodeMs }: C) => encodeMs + decodeMs;
  return front
    .filter(({ accuracyLoss }) => accuracyLoss <= maxLoss)
    .sort((a, b) => a.bytesPerSample - b.bytesPerSample || costMs(a) - costMs(b))[0];
}

/** Says so where samples are too few to tell a loss that may be from one that may not; undefined where they are enough. */
export function fewSamplesText(samples: number, maxLoss: number): string | undefined {
  // Where none of n disagrees, the share that does is below 3 / n in nineteen of twenty cases.
  if (samples * maxLoss >= 3) return undefined;
  if (maxLoss === 0) return `${samples} samples cannot prove that nothing is lost.`;
  return `${samples} samples cannot tell a loss of ${maxLoss} from none: that takes ${Math.ceil(3 / maxLoss)} or more.`;
}
