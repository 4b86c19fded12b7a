import fc from 'fast-check';
import type { ClusterDevice, ClusterProblem, Way } from './problem.js';

const small = fc.integer({ min: 0, max: 6 });
const positive = fc.integer({ min: 1, max: 6 });
const weight = fc.record({ heldBytes: positive, fileBytes: positive });

/** Memory that leaves some devices no room, some a window, and some all they need. */
const device = (id: string): fc.Arbitrary<ClusterDevice> =>
  fc.record({
    id: fc.constant(id),
    memoryBytes: fc.integer({ min: 15, max: 200 }),
    token: fc.record({ attentionMs: small, ffnMs: small, headMs: small }),
    chunk: fc.record({ attentionMs: small, ffnMs: small }),
    disk: fc.option(fc.record({ bytesPerS: fc.constantFrom(250, 1000, 4000), prepareLayerMs: small }), { freq: 4 }),
  });

const way: fc.Arbitrary<Way | undefined> = fc.option(
  fc.record({ fixedMs: fc.constantFrom(0, 0, 0.1, 1), bytesPerS: fc.constantFrom(2000, 20_000, 1e9) }),
  { nil: undefined, freq: 12 },
);

const square = <T>(size: number, arbitrary: fc.Arbitrary<T>) =>
  fc.array(fc.array(arbitrary, { minLength: size, maxLength: size }), { minLength: size, maxLength: size });

/** Small enough that every plan can be looked at. */
export const clusterProblem: fc.Arbitrary<ClusterProblem> = fc.integer({ min: 1, max: 3 }).chain((count) =>
  fc.record({
    model: fc.record({
      layers: fc.integer({ min: 1, max: 4 }),
      hiddenSize: fc.constantFrom(1, 4),
      heads: fc.constant(4),
      kvHeads: fc.constantFrom(1, 2, 4),
      ffnBlocks: fc.integer({ min: 1, max: 5 }),
      vocabularyUnits: fc.integer({ min: 1, max: 4 }),
      weights: fc.record({ queryHead: weight, kvHead: weight, ffnBlock: weight, vocabularyUnit: weight }),
      multiplications: fc.constant({ layer: 1, head: 1 }),
      layerBytes: fc.integer({ min: 0, max: 2 }),
      cacheBytes: fc.constantFrom(0, 0.25),
      cacheStepTokens: fc.constantFrom(1, 4),
      processBytes: fc.integer({ min: 0, max: 10 }),
      passBytes: fc.record({
        token: fc.constantFrom(0, 0.5),
        queryHead: fc.constantFrom(0, 0.25),
        ffnBlock: fc.constantFrom(0, 0.25),
        score: fc.constantFrom(0, 0.125),
      }),
    }),
    devices: fc.tuple(...Array.from({ length: count }, (_, i) => device(`device-${i}`))),
    ways: square(count, way),
    rank0: fc.option(fc.integer({ min: 0, max: count - 1 }), { nil: undefined }),
    promptTokens: fc.constantFrom(1, 2, 3),
    lengthTokens: fc.constantFrom(3, 5),
    valueBytes: fc.constantFrom(1.125, 2, 4),
  }),
);
