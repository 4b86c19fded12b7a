import { maxSpecLength } from '@cutpoint/codec';
import { CutpointError, type Tensor, tensorOf } from '@cutpoint/core';
import { z } from 'zod';
import { greedySampling } from '../text/sampling.js';
import type { PieceForm } from './pass-message.js';

/**
 * The methods that a server of a language model has on the wire.
 *
 * - `describe` says what it holds. With a `split` it also makes sure that the split can be served, and with a `client` it
 *   knows from then on whose the sequences of this connection are.
 * - `table` gives it the table of a codec which `describe` said is missing: the bytes of its file as the only tensor.
 * - `decode` runs a pass: the bytes of a `PassMessage` as the only tensor. Meta data come with the first pass of a sequence,
 *   and with one before which they changed. Its name is short, as it travels with each token.
 * - `clone` and `drop` do that to a sequence.
 */
export const splitMethods = {
  describe: 'describe',
  table: 'table',
  decode: 'p',
  clone: 'clone',
  drop: 'drop',
} as const;

/** Where a model is cut, and what crosses. */
export const splitSchema = z.strictObject({
  /** The server runs the layers from this one on. */
  at: z.int().min(0).max(100_000),
  /** The server gets no tokens: the last norm and the head are at the agent too. */
  private: z.boolean(),
  codec: z.string().min(1).max(maxSpecLength),
  /** How hidden states come back where the split is private. Default: `usualAnswerCodec`. */
  answerCodec: z.string().min(1).max(maxSpecLength).optional(),
});
export type Split = z.output<typeof splitSchema>;

const samplingSchema = z.strictObject(
  Object.fromEntries(Object.keys(greedySampling).map((key) => [key, z.number()])) as Record<
    keyof typeof greedySampling,
    z.ZodNumber
  >,
);

/** How the server continues a sequence; it chooses no tokens where the split is private. */
export const sequenceSchema = z.strictObject({
  ...splitSchema.shape,
  choice: z.strictObject({ sampling: samplingSchema, ends: z.array(z.int().min(0)).max(1024) }).nullable(),
});
export type SequenceSettings = z.output<typeof sequenceSchema>;

/** Chance makes it a secret: who knows it may go on with the sequences. */
const clientSchema = z.string().regex(/^[0-9a-f]{32}$/);

const tableName = z.string().min(1).max(maxSpecLength);
export const describeSchema = z.strictObject({
  client: clientSchema.optional(),
  split: splitSchema.optional(),
  /** Those that the agent needs and has. */
  tables: z.array(tableName).max(2).optional(),
});
export const tableSchema = z.strictObject({ name: tableName });

export const aboutSchema = z.object({
  languageModel: z.object({
    name: z.string(),
    /** What it has in common with packages of other widths. */
    identity: z.string(),
    layers: z.number(),
    /** The only cut that is served; null where callers choose. */
    at: z.number().nullable(),
    /** Of the layers behind the cut that was asked for, or of all. */
    width: z.string().max(64),
    /** Of the tables that were asked for. */
    missingTables: z.array(z.string()).max(2),
  }),
});
export type About = z.output<typeof aboutSchema>;

const sequenceNumber = z
  .int()
  .min(0)
  .max(2 ** 32 - 1);
export const cloneSchema = z.strictObject({ from: sequenceNumber, into: sequenceNumber, tokens: z.int().min(0) });
export const dropSchema = z.strictObject({ sequence: sequenceNumber });

/** @throws CutpointError CUT_INPUT */
export function readMeta<T>(schema: z.ZodType<T>, meta: unknown, method: string): T {
  const parsed = schema.safeParse(meta);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue === undefined ? '' : ` (${issue.path.join('.')}: ${issue.message})`;
  throw new CutpointError('CUT_INPUT', `The meta data of the request "${method}" are not what it takes${where}.`);
}

/** What pieces of a pass are made of. */
export function formOf({ at, private: hides }: Split): PieceForm {
  return { tokens: !hides, hidden: hides || at > 0 };
}

/** Without a name bytes travel in a brief frame. */
const tensorName = '';

/** Bytes as the only tensor of a frame. */
export function packed(bytes: Uint8Array<ArrayBuffer>): ReadonlyMap<string, Tensor> {
  return new Map([[tensorName, tensorOf('u8', [bytes.length], bytes)]]);
}

/** @throws CutpointError CUT_INPUT */
export function unpacked(tensors: ReadonlyMap<string, Tensor>): Uint8Array<ArrayBuffer> {
  const tensor = tensors.get(tensorName);
  if (tensor?.dtype === 'u8' && tensors.size === 1) return tensor.data;
  throw new CutpointError('CUT_INPUT', 'Bytes cross as one u8 tensor without a name.');
}
