import fc from 'fast-check';
import type { LlmLimits } from './limits.js';
import { type LlmObjective, type LlmProblem, type LlmSide, type LlmSplit, llmObjectives } from './problem.js';

/** Small numbers, so that equals are common; sums of them are exact, and so are values between lengths that double. */
const small = fc.integer({ min: 0, max: 4 });
const lengths = [2, 4, 8, 16];
const widths = ['4', '8'] as const;
const codecs = ['raw', 'small'] as const;
const caches = ['f16', '8'] as const;

const list = <T>(arbitrary: fc.Arbitrary<T>, length: number) =>
  fc.array(arbitrary, { minLength: length, maxLength: length });
const byName = <T>(names: readonly string[], arbitrary: fc.Arbitrary<T>): fc.Arbitrary<Record<string, T>> =>
  list(arbitrary, names.length).map((values) => Object.fromEntries(names.map((name, i) => [name, values[i] as T])));

const times = list(small, lengths.length);
const some = fc.constantFrom(2, 2, 2, 1);

/** Some sides lack a width, a codec or a kind of cache. */
const side = (id: string, layers: number): fc.Arbitrary<LlmSide> =>
  fc.record({ has: some, knows: some, caches: some }).chain(({ has, knows, caches: known }) =>
    fc.record({
      id: fc.constant(id),
      lengths: fc.constant(lengths),
      layers: byName(
        widths.slice(0, has),
        list(fc.record({ decodeMs: byName(caches.slice(0, known), times), prefillMs: times }), layers),
      ),
      headMs: byName(widths, small),
      codecs: byName(codecs.slice(0, knows), fc.record({ encodeMs: small, decodeMs: small })),
      memory: fc.record({ baseBytes: small, perWeightByte: fc.constantFrom(1, 1.5) }),
    }),
  );

const split = (layers: number): fc.Arbitrary<LlmSplit> =>
  fc
    .record({
      cut: fc.integer({ min: 0, max: layers }),
      front: fc.constantFrom(...widths),
      back: fc.constantFrom(...widths),
      codec: fc.constantFrom(...codecs),
      answer: fc.constantFrom(null, null, ...codecs),
      cache: fc.constantFrom(...caches),
      perplexity: small,
      upBytes: small,
      downBytes: small,
    })
    .map(({ cut, front, back, codec, answer, cache, perplexity, upBytes, downBytes }) => {
      const answerCodec = cut === layers ? null : answer;
      const crosses = cut < layers && (cut > 0 || answerCodec !== null);
      return {
        cut,
        frontWidth: cut > 0 || answerCodec !== null ? front : null,
        backWidth: cut < layers ? back : null,
        codec: crosses ? codec : null,
        answerCodec,
        cache,
        perplexity,
        upBytes,
        downBytes,
      };
    });

const direction = fc.record({ fixedMs: small, bytesPerS: fc.constantFrom(1000, 500, 250) });

export const llmProblem: fc.Arbitrary<LlmProblem> = fc.integer({ min: 1, max: 4 }).chain((layers) =>
  fc
    .record({
      model: fc.record({
        layers: fc.constant(layers),
        contextTokens: fc.integer({ min: 14, max: 20 }),
        layerBytes: byName(widths, list(small, layers)),
        headBytes: byName(widths, small),
        loadBytes: byName(widths, fc.record({ layers: fc.nat({ max: 40 }), head: fc.nat({ max: 40 }) })),
        cacheBytes: byName(caches, small),
        uncachedTokenBytes: small,
        cacheStepTokens: fc.constantFrom(1, 4),
        passBytes: fc.record({ token: small, layerToken: small, textToken: small, score: small }),
        roleBytes: fc.record({ servedToken: fc.constantFrom(0, 1), headApart: small }),
      }),
      agent: side('agent', layers),
      server: fc.option(fc.record({ side: side('server', layers), up: direction, down: direction }), { freq: 8 }),
      splits: fc.array(split(layers), { maxLength: 14 }),
      promptTokens: fc.integer({ min: 1, max: 5 }),
      lengthTokens: fc.integer({ min: 5, max: 14 }),
      chunkTokens: fc.integer({ min: 1, max: 6 }),
      frameBytes: fc.record({ up: small, down: small }),
    })
    .map(({ server, ...problem }) => ({
      ...problem,
      remote:
        server === null ? undefined : { side: server.side, link: { id: 'link', up: server.up, down: server.down } },
    })),
);

export const someLlmObjectives: fc.Arbitrary<LlmObjective[]> = fc.oneof(
  fc.constant<LlmObjective[]>([...llmObjectives]),
  fc.subarray([...llmObjectives], { minLength: 1 }),
);

const rarely = (min: number, max: number) => fc.option(fc.integer({ min, max }), { nil: undefined, freq: 2 });
export const someLlmLimits: fc.Arbitrary<LlmLimits> = fc.oneof(
  { weight: 1, arbitrary: fc.constant({}) },
  {
    weight: 4,
    arbitrary: fc.record({
      maxTokenMs: rarely(4, 60),
      maxFirstTokenMs: rarely(4, 80),
      maxAgentMemoryBytes: rarely(0, 200),
      maxServerMemoryBytes: rarely(0, 200),
      maxTokenBytes: rarely(0, 20),
      maxPerplexity: rarely(0, 4),
    }),
  },
);
