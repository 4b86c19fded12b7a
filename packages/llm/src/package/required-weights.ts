import type { DecoderConfig } from '../architecture/decoder-config.js';
import type { FileSpan, LayerWeightName, PackageManifest, StoredWeight } from './package-manifest.js';
import { bytesOf, type WeightForm } from './weight-content.js';

/** Shapes of the weights that a layer of this decoder has: `[rows, columns]` of matrices, `[size]` of vectors. */
export function layerShapes(config: DecoderConfig): Partial<Record<LayerWeightName, readonly number[]>> {
  const { hiddenSize, heads, kvHeads, headSize, ffnSize } = config;
  const qkvSize = (heads + 2 * kvHeads) * headSize;
  return {
    attentionNorm: [hiddenSize],
    qkv: [qkvSize, hiddenSize],
    ...(config.qkvBias && { qkvBias: [qkvSize] }),
    ...(config.qkNorm && { queryNorm: [headSize], keyNorm: [headSize] }),
    out: [hiddenSize, heads * headSize],
    ...(config.outBias && { outBias: [hiddenSize] }),
    ...(config.postNorms && { postAttentionNorm: [hiddenSize] }),
    ffnNorm: [hiddenSize],
    gateUp: [2 * ffnSize, hiddenSize],
    down: [hiddenSize, ffnSize],
    ...(config.postNorms && { postFfnNorm: [hiddenSize] }),
  };
}

/** What is wrong with the weights that a manifest lists, or undefined: one is missing, of another shape, or outside its file. */
export function requireWeights({ config, embedding, layers, head }: PackageManifest): string | undefined {
  const { hiddenSize, vocabularySize } = config;
  if (layers.length !== config.layers) return `${layers.length} of ${config.layers} layers are listed`;
  const table = [vocabularySize, hiddenSize];
  const perLayer = layerShapes(config);
  const parts = [
    [embedding, { table }],
    ...layers.map((layer) => [layer, perLayer] as const),
    [head, { norm: [hiddenSize], matrix: table }],
  ] as const;
  for (const [part, shapes] of parts) {
    const fault = partFault(part, shapes);
    if (fault !== undefined) return `${part.path}: ${fault}`;
  }
  const { table: stored } = embedding.weights;
  if (stored?.kind === 'blocks' && stored.bits !== 8) return 'embedding.bin: its blocks are not of 8 bits';
  return undefined;
}

interface Part {
  readonly bytes: number;
  readonly weights: Readonly<Partial<Record<string, StoredWeight>>>;
}

/** What is wrong with one file's weights, or undefined. */
export function partFault(
  part: Part,
  shapes: Readonly<Partial<Record<string, readonly number[]>>>,
): string | undefined {
  for (const [name, weight] of Object.entries(part.weights)) {
    const shape = shapes[name];
    if (weight === undefined || shape === undefined) return `${name} has no place in this decoder`;
    const has = weight.kind === 'float' ? weight.shape : [weight.rows, weight.columns];
    if (has.join() !== shape.join()) return `${name} is [${has.join(', ')}] and should be [${shape.join(', ')}]`;
    if (!spansOf(weight).every((span) => span.offset + span.bytes <= part.bytes))
      return `${name} lies outside the file`;
    if (!fits(weight)) return `${name} has spans of other lengths than its elements take`;
  }
  const missing = Object.keys(shapes).find((name) => part.weights[name] === undefined);
  return missing === undefined ? undefined : `${missing} is missing`;
}

function spansOf(weight: StoredWeight): readonly FileSpan[] {
  if (weight.kind === 'float') return [weight.span];
  const { codes, scales, zeroPoints } = weight;
  return zeroPoints === null ? [codes, scales] : [codes, scales, zeroPoints];
}

function fits(weight: StoredWeight): boolean {
  if (weight.kind === 'float') return weight.span.bytes === bytesOf(weight).values;
  const form: WeightForm = { ...weight, zeroPoints: weight.zeroPoints !== null };
  const { values, scales, zeroPoints } = bytesOf(form);
  const { codes } = weight;
  return codes.bytes === values && weight.scales.bytes === scales && (weight.zeroPoints?.bytes ?? 0) === zeroPoints;
}
