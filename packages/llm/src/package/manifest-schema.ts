import { CutpointError } from '@cutpoint/core';
import { z } from 'zod';
import { type DecoderConfig, decoderFamilies } from '../architecture/decoder-config.js';
import { type PackageManifest, packageFormat, packageVersion } from './package-manifest.js';
import { requireWeights } from './required-weights.js';

/** Above any model that there is, and low enough that products of two stay exact. */
export const limits = { layers: 1024, width: 1 << 20, vocabulary: 1 << 22, contextTokens: 1 << 28, files: 64 } as const;

const count = (most: number) => z.int().min(1).max(most);
const positive = z.number().positive().finite();
const span = z.strictObject({ offset: z.int().min(0).multipleOf(64), bytes: z.int().min(0) });
const token = z.int().min(0).max(limits.vocabulary);

const rope = z.strictObject({
  theta: positive,
  scaling: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('none') }),
    z.strictObject({ kind: z.literal('linear'), factor: positive }),
    z.strictObject({
      kind: z.literal('llama3'),
      factor: positive,
      lowFrequencyFactor: positive,
      highFrequencyFactor: positive,
      originalContextTokens: count(limits.contextTokens),
    }),
  ]),
});

/** A decoder as `DecoderConfig` states it, and consistent. */
export const decoderConfigSchema = z
  .strictObject({
    family: z.enum(decoderFamilies),
    layers: count(limits.layers),
    hiddenSize: count(limits.width),
    heads: count(limits.width),
    kvHeads: count(limits.width),
    headSize: count(limits.width).multipleOf(2),
    ffnSize: count(limits.width),
    vocabularySize: count(limits.vocabulary),
    contextTokens: count(limits.contextTokens),
    normEpsilon: positive,
    activation: z.enum(['silu', 'gelu-tanh']),
    attentionScale: positive,
    embeddingScale: positive,
    ropes: z.array(rope).min(1).max(8),
    attention: z
      .array(
        z.strictObject({
          rope: z.int().min(0).max(7),
          windowTokens: count(limits.contextTokens).nullable(),
        }),
      )
      .max(limits.layers),
    qkvBias: z.boolean(),
    outBias: z.boolean(),
    qkNorm: z.boolean(),
    postNorms: z.boolean(),
    tiedEmbeddings: z.boolean(),
    beginToken: token.nullable(),
    endTokens: z.array(token).max(64),
  })
  .superRefine((config, context) => {
    const fault = configFault(config);
    if (fault !== undefined) context.addIssue({ code: 'custom', message: fault });
  });

function configFault(config: DecoderConfig): string | undefined {
  const { layers, attention, heads, kvHeads, headSize, ropes, vocabularySize, beginToken, endTokens } = config;
  if (attention.length !== layers) return `attention is stated for ${attention.length} of ${layers} layers`;
  if (heads % kvHeads !== 0) return `${heads} heads cannot share ${kvHeads} heads of keys and values`;
  if (heads * headSize > limits.width) return `${heads} heads of ${headSize} are too many`;
  if (attention.some(({ rope }) => rope >= ropes.length)) return 'a layer names a rope that is not stated';
  const strange = [beginToken ?? 0, ...endTokens].find((id) => id >= vocabularySize);
  if (strange !== undefined) return `token ${strange} is beyond the vocabulary of ${vocabularySize}`;
  return undefined;
}

const storedWeight = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('float'),
    dtype: z.enum(['f32', 'f16']),
    shape: z.array(count(limits.vocabulary)).min(1).max(2),
    span,
  }),
  z.strictObject({
    kind: z.literal('blocks'),
    bits: z.union([z.literal(2), z.literal(4), z.literal(8)]),
    block: z.literal([16, 32, 64, 128]),
    rows: count(limits.vocabulary),
    columns: count(limits.width),
    codes: span,
    scales: span,
    zeroPoints: span.nullable(),
  }),
]);

/** A SHA-256 in lower-case hexadecimal. */
export const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
/** A file of weights, of these names. */
export const partOf = <const Names extends readonly string[]>(path: RegExp, names: Names) =>
  z.strictObject({
    path: z.string().regex(path),
    bytes: z.int().min(0),
    sha256,
    weights: z.partialRecord(z.enum(names), storedWeight),
  });

export const layerWeightNames = [
  'attentionNorm',
  'qkv',
  'qkvBias',
  'queryNorm',
  'keyNorm',
  'out',
  'outBias',
  'postAttentionNorm',
  'ffnNorm',
  'gateUp',
  'down',
  'postFfnNorm',
] as const;

const manifestSchema = z.strictObject({
  format: z.literal(packageFormat),
  version: z.literal(packageVersion),
  name: z.string().min(1).max(256),
  checkpoint: sha256,
  config: decoderConfigSchema,
  embedding: partOf(/^embedding\.bin$/, ['table']),
  layers: z.array(partOf(/^layers\/\d{3,4}\.bin$/, layerWeightNames)).max(limits.layers),
  head: partOf(/^head\.bin$/, ['norm', 'matrix']),
  tokenizer: z
    .array(z.strictObject({ path: z.string().regex(/^[\w-]+(\.[\w-]+)+$/), bytes: z.int().min(0), sha256 }))
    .max(limits.files),
});

/**
 * Checks what a manifest says: types, limits, that every weight the decoder needs is there in its shape, and that spans
 * have the length of what is in them and lie within their file.
 * @param value the parsed JSON. @param source what to call it in messages.
 * @throws CutpointError CUT_PACKAGE
 */
export function checkManifest(value: unknown, source: string): PackageManifest {
  const { success, data, error } = manifestSchema.safeParse(value);
  if (!success) {
    const [issue] = error.issues;
    const place = issue?.path.join('.') || 'the manifest';
    throw damaged(source, `${place}: ${issue?.message ?? 'not valid'}`);
  }
  const manifest: PackageManifest = data as PackageManifest;
  const fault = requireWeights(manifest);
  if (fault !== undefined) throw damaged(source, fault);
  return manifest;
}

function damaged(source: string, fault: string): CutpointError {
  return new CutpointError(
    'CUT_PACKAGE',
    `${source} is not a manifest of this version (${fault}): import the model again.`,
  );
}
