import type { DecoderConfig } from '../architecture/decoder-config.js';
import { layerShapes } from './required-weights.js';
import type { PartContent, WeightContent } from './weight-content.js';
import type { PackageContent } from './write-package.js';

/** A Llama of two layers that takes a few kilobytes. */
export const smallConfig: DecoderConfig = {
  family: 'llama',
  layers: 2,
  hiddenSize: 32,
  heads: 4,
  kvHeads: 2,
  headSize: 16,
  ffnSize: 48,
  vocabularySize: 64,
  contextTokens: 128,
  normEpsilon: 1e-5,
  activation: 'silu',
  attentionScale: 0.25,
  embeddingScale: 1,
  ropes: [{ theta: 10000, scaling: { kind: 'none' } }],
  attention: [
    { rope: 0, windowTokens: null },
    { rope: 0, windowTokens: null },
  ],
  qkvBias: false,
  outBias: false,
  qkNorm: false,
  postNorms: false,
  tiedEmbeddings: false,
  beginToken: 1,
  endTokens: [2],
};

/** A package of floats that count up, for any small decoder. */
export function countedPackage(config: DecoderConfig): PackageContent {
  let next = 0;
  const counted = (shape: readonly number[]): WeightContent => {
    const elements = shape.reduce((product, dim) => product * dim, 1);
    const values = Float32Array.from({ length: elements }, () => (next++ % 1009) / 1009);
    const empty = new Uint8Array(0);
    return {
      form: { kind: 'float', dtype: 'f32', shape },
      pieces: () => [{ values: new Uint8Array(values.buffer), scales: empty, zeroPoints: empty }],
    };
  };
  const part = (shapes: Readonly<Record<string, readonly number[]>>): PartContent<string> =>
    Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, counted(shape)]));
  const table = [config.vocabularySize, config.hiddenSize];
  return {
    name: 'counted',
    checkpoint: '0'.repeat(64),
    config,
    embedding: part({ table }),
    layers: Array.from({ length: config.layers }, () => part(layerShapes(config))),
    head: part({ norm: [config.hiddenSize], matrix: table }),
    tokenizer: [{ path: 'tokenizer.json', content: new TextEncoder().encode('{}') }],
  };
}
