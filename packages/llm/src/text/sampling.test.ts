import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomAt } from './counter-random.js';
import { largestIds } from './largest-ids.js';
import { greedySampling, type Sampling, sampleToken, samplingOf } from './sampling.js';

/** Quarters, so that equals are common. */
const logit = fc.oneof(
  { weight: 9, arbitrary: fc.integer({ min: -12, max: 12 }).map((n) => n / 4) },
  fc.constant(-Infinity),
);
const someLogits = fc
  .array(logit, { minLength: 1, maxLength: 12 })
  .filter((all) => all.some((value) => value > -Infinity));
const off = <T>(none: T, arbitrary: fc.Arbitrary<T>) => fc.oneof(fc.constant(none), arbitrary);
const someSampling: fc.Arbitrary<Sampling> = fc.record({
  repetitionPenalty: off(1, fc.constantFrom(0.5, 1.25, 2)),
  temperature: fc.constantFrom(0.25, 0.7, 1, 2),
  topK: off(0, fc.integer({ min: 1, max: 14 })),
  topP: off(1, fc.double({ min: 0.05, max: 0.99, noNaN: true })),
  minP: off(0, fc.double({ min: 0.01, max: 1, noNaN: true })),
  seed: fc.nat(),
});
const someHistory = fc.array(fc.nat({ max: 14 }), { maxLength: 6 });

/** From the definitions, by whole sorted lists: the probability of each token. */
function probabilities(logits: readonly number[], history: readonly number[], sampling: Sampling): number[] {
  const { repetitionPenalty: penalty, temperature, topK, topP, minP } = sampling;
  const scores = logits.map((score, id) => {
    if (!history.includes(id)) return score;
    return Math.fround(score > 0 ? score / penalty : score * penalty);
  });
  const most = Math.max(...scores);
  let left = scores
    .map((score, id) => ({ id, score, weight: Math.exp((score - most) / temperature) }))
    .sort((a, b) => b.score - a.score || a.id - b.id);
  if (topK > 0) left = left.slice(0, topK);
  const sumOf = (list: typeof left) => list.reduce((sum, { weight }) => sum + weight, 0);
  if (topP < 1) left = left.slice(0, left.findIndex((_, i) => sumOf(left.slice(0, i + 1)) >= topP * sumOf(left)) + 1);
  if (minP > 0) left = left.filter(({ weight }) => weight >= minP);
  const total = sumOf(left);
  return logits.map((_, id) => (left.find((token) => token.id === id)?.weight ?? 0) / total);
}

describe('sampling', () => {
  it('draws the token at which the probabilities of a plain reference, summed by id, pass the random number', () => {
    let several = 0;
    fc.assert(
      fc.property(someLogits, someHistory, fc.nat(), someSampling, (logits, history, position, sampling) => {
        const chances = probabilities(logits, history, sampling);
        const token = sampleToken(Float32Array.from(logits), history, position, sampling);
        const drawn = randomAt(sampling.seed, position);
        const before = chances.slice(0, token).reduce((sum, chance) => sum + chance, 0);
        expect(chances[token]).toBeGreaterThan(0);
        expect(drawn).toBeGreaterThan(before - 1e-9);
        expect(drawn).toBeLessThan(before + (chances[token] ?? 0) + 1e-9);
        if (chances.filter((chance) => chance > 0).length > 1) several++;
      }),
      { numRuns: 3_000 },
    );
    expect(several).toBeGreaterThan(1_000);
  });

  it('draws tokens as often as they are likely', () => {
    const sampling = samplingOf({ temperature: 1, topK: 3, seed: 11 });
    const logits = Float32Array.from([Math.log(5), Math.log(1), Math.log(3), Math.log(2)]);
    const counts = [0, 0, 0, 0];
    const draws = 20_000;
    for (let position = 0; position < draws; position++) {
      const token = sampleToken(logits, [], position, sampling);
      counts[token] = (counts[token] ?? 0) + 1;
    }
    const shares = counts.map((count) => count / draws);
    expect(shares[1]).toBe(0);
    for (const [id, share] of [0.5, 0, 0.3, 0.2].entries()) expect(shares[id]).toBeCloseTo(share, 1.9);
  });

  it('takes the largest logit with temperature 0, of equals the lowest id, whatever the filters and the seed', () => {
    fc.assert(
      fc.property(someLogits, someSampling, (logits, sampling) => {
        const greedy = { ...sampling, temperature: 0, repetitionPenalty: 1 };
        const token = sampleToken(Float32Array.from(logits), [1, 2], 2, greedy);
        expect(token).toBe(logits.indexOf(Math.max(...logits)));
      }),
    );
  });

  it('gives the same text for the same seed, and another for another', () => {
    const logits = new Float32Array(50);
    const text = (seed: number) =>
      Array.from({ length: 20 }, (_, at) => sampleToken(logits, [], at, samplingOf({ temperature: 1, seed })));
    expect(text(3)).toEqual(text(3));
    expect(text(3)).not.toEqual(text(4));
    expect(text(2 ** 40 + 3)).not.toEqual(text(3));
  });

  it('leaves the logits as they are, and penalises a token once however often it came', () => {
    const logits = Float32Array.from([4, 3, -1]);
    const penalty = { ...greedySampling, repetitionPenalty: 1.25 };
    expect(sampleToken(logits, [0, 0, 0], 3, penalty)).toBe(0);
    expect(sampleToken(logits, [0], 1, { ...penalty, repetitionPenalty: 2 })).toBe(1);
    expect([...logits]).toEqual([4, 3, -1]);
  });

  it('keeps up with a large vocabulary, and with temperatures near zero', () => {
    const logits = Float32Array.from({ length: 150_000 }, (_, id) => Math.sin(id * id) * 10);
    for (const topK of [0, 40]) {
      const token = sampleToken(logits, [], 0, samplingOf({ temperature: 1e-6, topK, topP: 0.9 }));
      expect(logits[token]).toBeCloseTo(
        logits.reduce((most, value) => Math.max(most, value)),
        4,
      );
    }
  });

  it('refuses logits from which nothing can be chosen', () => {
    const refused = expect.objectContaining({ code: 'CUT_RUN' });
    for (const logits of [[Number.NaN, 1], [1, Number.NaN], [Infinity, 1], [-Infinity], []]) {
      expect(() => sampleToken(Float32Array.from(logits), [], 0, greedySampling)).toThrow(refused);
    }
  });

  it('tells which setting is out of its range', () => {
    const wrong = { temperature: -1, topK: 1.5, topP: 0, minP: 2, repetitionPenalty: 0, seed: -3 };
    for (const [name, value] of Object.entries(wrong)) {
      const message = expect.stringContaining(`${name} is ${value}`);
      expect(() => samplingOf({ [name]: value })).toThrow(expect.objectContaining({ code: 'CUT_USAGE', message }));
      expect(() => samplingOf({ [name]: Number.NaN })).toThrow(expect.objectContaining({ code: 'CUT_USAGE' }));
    }
    expect(samplingOf({ temperature: undefined })).toEqual(greedySampling);
  });
});

describe('the largest ids', () => {
  it('are those of a sorted list, of equals the lower', () => {
    fc.assert(
      fc.property(fc.array(logit, { maxLength: 30 }), fc.nat({ max: 35 }), (values, count) => {
        const sorted = values
          .map((value, id) => ({ value, id }))
          .sort((a, b) => (b.value === a.value ? a.id - b.id : b.value - a.value))
          .slice(0, count)
          .map(({ id }) => id);
        expect([...largestIds(Float32Array.from(values), count).sort()]).toEqual(sorted.sort((a, b) => a - b));
      }),
    );
  });
});
