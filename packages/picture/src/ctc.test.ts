import { tensorOf } from '@cutpoint/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { classesOf, decodeCtc } from './ctc.js';

const classes = classesOf('a\nb\nc\n');

/** Probabilities in which the given class is the likeliest at each step, with 0.6. */
function stepsOf(...best: number[]) {
  const rest = 0.4 / (classes.length - 1);
  const values = best.flatMap((winner) => classes.map((_, index) => (index === winner ? 0.6 : rest)));
  return tensorOf('f32', [1, best.length, classes.length], Float32Array.from(values));
}

describe('CTC decoding', () => {
  it('merges repeats, drops blanks and keeps a doubled letter that a blank separates', () => {
    expect(decodeCtc(stepsOf(0, 1, 1, 0, 1, 2, 2, 0, 4, 3), classes).text).toBe('aab c');
  });

  it('gives the mean probability of the characters it kept', () => {
    expect(decodeCtc(stepsOf(0, 1, 1, 0, 2), classes).confidence).toBeCloseTo(0.6, 6);
    expect(decodeCtc(stepsOf(0, 0), classes)).toEqual({ text: '', confidence: 0 });
  });

  it('gives back any text that was spelt with a blank between its characters', () => {
    const spelt = fc.array(fc.integer({ min: 1, max: classes.length - 1 }), { maxLength: 40 });
    fc.assert(
      fc.property(spelt, fc.integer({ min: 1, max: 3 }), (indices, repeats) => {
        const steps = indices.flatMap((index) => [0, ...Array<number>(repeats).fill(index)]);
        const expected = indices.map((index) => classes[index]).join('');
        expect(decodeCtc(stepsOf(...steps), classes).text).toBe(expected);
      }),
    );
  });

  it('refuses probabilities over another number of classes', () => {
    const tensor = tensorOf('f32', [1, 2, 3], new Float32Array(6));
    expect(() => decodeCtc(tensor, classes)).toThrow(/\[1, 2, 3\].*\[1, steps, 5\]/);
  });
});

describe('the dictionary', () => {
  it('has the blank first, the keys in order and the space last, whatever the line ends', () => {
    expect(classesOf('x\r\ny\r\n')).toEqual(['', 'x', 'y', ' ']);
    expect(classesOf('x\ny')).toEqual(['', 'x', 'y', ' ']);
  });
});
