import type { DecoderConfig, Rope } from '../architecture/decoder-config.js';

interface Shape {
  readonly layers: number;
  readonly hiddenSize: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headSize: number;
  readonly ffnSize: number;
  readonly vocabularySize: number;
  readonly contextTokens: number;
  readonly rope: Rope;
  readonly tiedEmbeddings: boolean;
}

const llama2: Pick<Shape, 'vocabularySize' | 'rope' | 'tiedEmbeddings'> = {
  vocabularySize: 32_000,
  rope: { theta: 10_000, scaling: { kind: 'none' } },
  tiedEmbeddings: false,
};

/** Models that people know, by their sizes alone. */
const shapes = {
  'smollm2-360m': {
    layers: 32,
    hiddenSize: 960,
    heads: 15,
    kvHeads: 5,
    headSize: 64,
    ffnSize: 2560,
    vocabularySize: 49_152,
    contextTokens: 8192,
    rope: { theta: 100_000, scaling: { kind: 'none' } },
    tiedEmbeddings: true,
  },
  'tinyllama-1.1b': {
    ...llama2,
    layers: 22,
    hiddenSize: 2048,
    heads: 32,
    kvHeads: 4,
    headSize: 64,
    ffnSize: 5632,
    contextTokens: 2048,
  },
  'llama-3.2-1b': {
    layers: 16,
    hiddenSize: 2048,
    heads: 32,
    kvHeads: 8,
    headSize: 64,
    ffnSize: 8192,
    vocabularySize: 128_256,
    contextTokens: 131_072,
    rope: {
      theta: 500_000,
      scaling: {
        kind: 'llama3',
        factor: 32,
        lowFrequencyFactor: 1,
        highFrequencyFactor: 4,
        originalContextTokens: 8192,
      },
    },
    tiedEmbeddings: true,
  },
  'llama-3-8b': {
    layers: 32,
    hiddenSize: 4096,
    heads: 32,
    kvHeads: 8,
    headSize: 128,
    ffnSize: 14_336,
    vocabularySize: 128_256,
    contextTokens: 8192,
    rope: { theta: 500_000, scaling: { kind: 'none' } },
    tiedEmbeddings: false,
  },
  'llama-2-13b': {
    ...llama2,
    layers: 40,
    hiddenSize: 5120,
    heads: 40,
    kvHeads: 40,
    headSize: 128,
    ffnSize: 13_824,
    contextTokens: 4096,
  },
  'llama-2-70b': {
    ...llama2,
    layers: 80,
    hiddenSize: 8192,
    heads: 64,
    kvHeads: 8,
    headSize: 128,
    ffnSize: 28_672,
    contextTokens: 4096,
  },
} as const satisfies Record<string, Shape>;

export type ShapeName = keyof typeof shapes;

export const shapeNames = Object.keys(shapes) as readonly ShapeName[];

/** The decoder of that shape. It has no end tokens, so that random weights never end a text before its time. */
export function decoderOfShape(name: ShapeName): DecoderConfig {
  const { rope, ...sizes }: Shape = shapes[name];
  return {
    ...sizes,
    family: 'llama',
    normEpsilon: 1e-5,
    activation: 'silu',
    attentionScale: sizes.headSize ** -0.5,
    embeddingScale: 1,
    ropes: [rope],
    attention: Array.from({ length: sizes.layers }, () => ({ rope: 0, windowTokens: null })),
    qkvBias: false,
    outBias: false,
    qkNorm: false,
    postNorms: false,
    beginToken: 1,
    endTokens: [],
  };
}
