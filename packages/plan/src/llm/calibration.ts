import { CutpointError } from '@cutpoint/core';
import { z } from 'zod';
import { codecSpecSchema } from '../calibration.js';
import { parsed } from '../parse.js';
import { deviceProfileSchema } from '../profiles.js';

/** What calibrating a language model found out; `cutpoint llm calibrate` writes it, as a JSON file. */

const mostLayers = 1_000;
const mostLengths = 100;
const tokens = z
  .number()
  .int()
  .min(1)
  .max(2 ** 31);
const bytes = z
  .number()
  .nonnegative()
  .max(2 ** 53);
const ms = z.number().nonnegative().max(1e9);
/** A width or a kind of cache: `4`, `8`, `f16`, `awq-4`. The lists are open. */
const name = z.string().regex(/^[A-Za-z0-9:=.,+_-]{1,100}$/, 'is no name of a width or cache');
const times = z.array(ms).min(1).max(mostLengths);

const splitSchema = z.strictObject({
  /** As in a plan: layers on the agent, widths on both sides, and what crosses. */
  cut: z.number().int().min(0).max(mostLayers),
  frontWidth: name.nullable(),
  backWidth: name.nullable(),
  codec: codecSpecSchema.nullable(),
  answerCodec: codecSpecSchema.nullable(),
  cache: name,
  perplexity: z.number().min(1).max(1e12),
  /** Means over the text, per token, without frames. */
  upBytes: bytes,
  downBytes: bytes,
});

const llmDeviceSchema = z.strictObject({
  id: z.string().min(1).max(200),
  device: deviceProfileSchema,
  runtime: z.strictObject({
    name: z.string().max(100),
    version: z.string().max(100),
    threads: z.number().int().positive(),
  }),
  measuredAt: z.iso.datetime(),
  lengths: z.array(tokens).min(1).max(mostLengths),
  /** By width, one entry for each layer, one time for each length; those of a token by kind of cache. */
  layers: z.record(
    name,
    z.array(z.strictObject({ decodeMs: z.record(name, times), prefillMs: times })).max(mostLayers),
  ),
  headMs: z.record(name, ms),
  codecs: z.record(codecSpecSchema, z.strictObject({ encodeMs: ms, decodeMs: ms })),
  memory: z.strictObject({
    baseBytes: bytes,
    perWeightByte: z.number().nonnegative().max(100),
  }),
});
export type LlmDeviceFigures = z.infer<typeof llmDeviceSchema>;

export const llmCalibrationSchema = z.strictObject({
  format: z.literal('cutpoint-llm-calibration'),
  version: z.literal(3),
  model: z.strictObject({
    name: z.string().max(1_000),
    /** SHA-256 of the package's manifest, hex. */
    hash: z.string().regex(/^[0-9a-f]{64}$/),
    layers: z.number().int().min(1).max(mostLayers),
    contextTokens: tokens,
    layerBytes: z.record(name, z.array(bytes).max(mostLayers)),
    headBytes: z.record(name, bytes),
    loadBytes: z.record(name, z.strictObject({ layers: bytes, head: bytes })),
    cacheBytes: z.record(name, bytes),
    uncachedTokenBytes: bytes,
    cacheStepTokens: tokens,
    passBytes: z.strictObject({ token: bytes, layerToken: bytes, textToken: bytes, score: bytes }),
    roleBytes: z.strictObject({ servedToken: bytes, headApart: bytes }),
  }),
  /** On what perplexities were measured: windows that do not overlap, the first token of each not scored. */
  text: z.strictObject({ name: z.string().max(1_000), scoredTokens: tokens, windowTokens: tokens }),
  measuredAt: z.iso.datetime(),
  chunkTokens: tokens,
  /** Of a message but for its tokens. */
  frameBytes: z.strictObject({ up: bytes, down: bytes }),
  splits: z.array(splitSchema).min(1).max(200_000),
  devices: z.array(llmDeviceSchema).min(1).max(16),
});
export type LlmCalibration = z.infer<typeof llmCalibrationSchema>;

/** @throws CutpointError CUT_CALIBRATION with the place and what is wrong there. */
export function parseLlmCalibration(data: unknown, what = 'The calibration'): LlmCalibration {
  const calibration = parsed(llmCalibrationSchema, data, 'CUT_CALIBRATION', what);
  const { model, splits, devices } = calibration;
  const fail = (why: string): never => {
    throw new CutpointError('CUT_CALIBRATION', `${what} is inconsistent: ${why}.`);
  };
  const seen = new Set<string>();
  for (const [i, split] of splits.entries()) {
    const wrong = wrongWith(split, model.layers);
    if (wrong !== undefined) fail(`splits[${i}] ${wrong}`);
    const { perplexity: _, upBytes: __, downBytes: ___, ...choice } = split;
    const key = JSON.stringify(Object.values(choice));
    if (seen.has(key)) fail(`splits[${i}] is there twice`);
    seen.add(key);
  }
  const ids = devices.map(({ id }) => id);
  if (new Set(ids).size < ids.length) fail('two devices have the same id');
  return calibration;
}

/** What contradicts itself in a split. */
function wrongWith(split: z.infer<typeof splitSchema>, layers: number): string | undefined {
  const { cut, frontWidth, backWidth, codec, answerCodec } = split;
  if (cut > layers) return `has cut ${cut} of ${layers} layers`;
  const agentHolds = cut > 0 || answerCodec !== null;
  if (agentHolds !== (frontWidth !== null)) {
    return agentHolds ? 'has no frontWidth for what the agent holds' : 'has a frontWidth, but nothing on the agent';
  }
  if (cut < layers !== (backWidth !== null)) {
    return cut < layers ? 'has no backWidth for what the server holds' : 'has a backWidth, but nothing on the server';
  }
  if (cut === layers && (codec !== null || answerCodec !== null)) return 'has a codec, but nothing crosses';
  if (cut > 0 && cut < layers && codec === null) return 'has no codec for what crosses';
  return cut === 0 && answerCodec !== null && codec === null
    ? 'keeps the head on the agent, but sends the server tokens; it needs a codec'
    : undefined;
}
