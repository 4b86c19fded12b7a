import { describe, expect, it } from 'vitest';
import type { Scores } from './scores.js';
import { Tally } from './tally.js';

const crossing = { bytes: 10, encodeMs: 1, decodeMs: 2 };
const answer = (best: number): readonly Scores[] => [
  { classes: 3, values: Float64Array.from([0, 1, 2], (c) => (c === best ? 9 : 0)) },
];

describe('what samples add up to', () => {
  it('counts two changed answers of a hundred as a loss of exactly 0.02', () => {
    const tally = new Tally();
    for (let i = 0; i < 100; i++) tally.add(0, answer(0), answer(i < 2 ? 1 : 0), crossing);
    expect(tally.accuracyLoss).toBe(0.02);
    expect(tally.measurement).toMatchObject({ n: 100, top1Whole: 1, top1Split: 0.98, top1Drop: 0.02, agreement: 0.98 });
  });

  it('takes the error of the drop from pairs: answers that change both ways cancel out, but not their error', () => {
    const tally = new Tally();
    tally.add(0, answer(0), answer(1), crossing);
    tally.add(0, answer(1), answer(0), { ...crossing, bytes: 20 });
    expect(tally.measurement).toMatchObject({ top1Drop: 0, top1DropStderr: 1, agreement: 0, bytesPerSample: 15 });
  });

  it('knows no accuracy without labels', () => {
    const tally = new Tally();
    tally.add(undefined, answer(2), answer(2), crossing);
    expect(tally.measurement).toMatchObject({ top1Whole: null, top1DropStderr: null, agreement: 1, n: 1 });
  });
});
