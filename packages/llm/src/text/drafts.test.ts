import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { acceptDraft, draftOf, verifyDraft } from './drafts.js';
import { greedySampling, type Sampling, sampleToken, samplingOf } from './sampling.js';

const words = 6;
const endToken = 5;
const someText = fc.array(fc.nat({ max: 2 }), { minLength: 1, maxLength: 24 });

/** A model in which the next logits depend on the last two tokens, so that its texts repeat themselves but not always. */
function logitsAfter(text: readonly number[], seed: number): Float32Array {
  const [last = 0, before = 0] = [text.at(-1), text.at(-2)];
  const rare = (id: number) => (id === endToken ? 6 : 0);
  return Float32Array.from(
    { length: words },
    (_, id) => (((id * 7 + last * 5 + before * 3 + seed) * 2654435761) % 11) - rare(id),
  );
}

function generate(prompt: readonly number[], most: number, seed: number, sampling: Sampling): number[] {
  const text = [...prompt];
  while (text.length < prompt.length + most) {
    text.push(sampleToken(logitsAfter(text, seed), text, text.length, sampling));
    if (text.at(-1) === endToken) break;
  }
  return text;
}

describe('a draft', () => {
  it('follows the longest match to the end of the text, of equals the latest', () => {
    fc.assert(
      fc.property(someText, fc.integer({ min: 1, max: 3 }), fc.integer({ min: 3, max: 9 }), (text, least, most) => {
        const matches = Array.from({ length: text.length }, (_, place) => {
          let length = 0;
          while (length < Math.min(most, place) && text[place - 1 - length] === text.at(-1 - length)) length++;
          return { place, length };
        }).filter(({ length }) => length >= least);
        const [best] = matches.sort((a, b) => b.length - a.length || b.place - a.place);
        const draft = draftOf(text, { mostTokens: 5, leastMatch: least, mostMatch: most });
        if (best === undefined) {
          expect(draft).toEqual([]);
          return;
        }
        const extended = [...text];
        for (let i = 0; i < 5; i++) extended.push(extended[best.place + i] as number);
        expect(draft).toEqual(extended.slice(text.length));
      }),
      { numRuns: 1_000 },
    );
  });

  it('goes on with itself where a text repeats with a period', () => {
    expect(draftOf([9, 1, 2, 3, 1, 2, 3], { mostTokens: 7 })).toEqual([1, 2, 3, 1, 2, 3, 1]);
    expect(draftOf([7, 7, 7, 7], { mostTokens: 3 })).toEqual([7, 7, 7]);
  });

  it('is empty where nothing repeats', () => {
    for (const text of [[], [1], [1, 2, 3, 4], [1, 2, 1]]) expect(draftOf(text, { mostTokens: 4 })).toEqual([]);
  });
});

describe('verifying drafts', () => {
  const settings = fc.constantFrom(
    greedySampling,
    { ...greedySampling, repetitionPenalty: 1.3 },
    samplingOf({ temperature: 1.5, seed: 5 }),
    samplingOf({ temperature: 0.8, topK: 4, topP: 0.9, repetitionPenalty: 1.2, seed: 77 }),
  );

  it('gives the text that there is without drafts, for greedy and for random choice, right drafts and wrong ones', () => {
    let accepted = 0;
    let refused = 0;
    const someDraft = fc.array(fc.nat({ max: words - 1 }), { maxLength: 4 });
    fc.assert(
      fc.property(someText, fc.nat({ max: 50 }), settings, fc.option(someDraft), (prompt, seed, sampling, wrong) => {
        const most = 30;
        const expected = generate(prompt, most, seed, sampling);
        const text = [...prompt];
        while (text.length < prompt.length + most && text.at(-1) !== endToken) {
          const draft = wrong ?? draftOf(text, { mostTokens: 4, leastMatch: 1 });
          const rows = Array.from({ length: draft.length + 1 }, (_, i) =>
            logitsAfter([...text, ...draft.slice(0, i)], seed),
          );
          const verified = verifyDraft(rows, draft, text, sampling, new Set([endToken]));
          expect(verified.tokens.slice(0, verified.accepted)).toEqual(draft.slice(0, verified.accepted));
          text.push(...verified.tokens);
          accepted += verified.accepted;
          refused += draft.length - verified.accepted;
          if (prompt.at(-1) === endToken) break;
        }
        expect(text.slice(0, expected.length)).toEqual(expected);
        if (expected.at(-1) === endToken) expect(text.length).toBe(expected.length);
      }),
      { numRuns: 500 },
    );
    expect(accepted).toBeGreaterThan(500);
    expect(refused).toBeGreaterThan(500);
  });

  it('chooses nothing behind an end token, even where it was drafted', () => {
    const sure = (token: number) => Float32Array.from({ length: words }, (_, id) => (id === token ? 9 : 0));
    const rows = [sure(1), sure(endToken), sure(2)];
    const verified = verifyDraft(rows, [1, endToken], [3], greedySampling, new Set([endToken]));
    expect(verified).toEqual({ tokens: [1, endToken], accepted: 2 });
  });

  it('needs a row for the last token and for each of the draft', () => {
    const verify = () => verifyDraft([new Float32Array(3)], [1], [], greedySampling, new Set());
    expect(verify).toThrow(expect.objectContaining({ code: 'CUT_INTERNAL' }));
  });
});

describe('a draft that was verified elsewhere', () => {
  it('leaves what a pass with logits leaves', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(3), { maxLength: 5 }),
        fc.array(fc.nat(3), { minLength: 6, maxLength: 6 }),
        (draft, all) => {
          const chosen = all.slice(0, draft.length + 1);
          const rows = chosen.map((token) => Float32Array.from({ length: 4 }, (_, id) => (id === token ? 1 : 0)));
          const ends = new Set([3]);
          expect(acceptDraft(chosen, draft, ends)).toEqual(verifyDraft(rows, draft, [], greedySampling, ends));
        },
      ),
    );
  });
});
