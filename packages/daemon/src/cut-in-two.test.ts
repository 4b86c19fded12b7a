import { expect, it } from 'vitest';
import { cutInTwo } from './cut-in-two.js';

it('gives the one cut and the segments beside it', () => {
  expect(cutInTwo({ cuts: [7], segments: ['a', 'b'] })).toEqual({ cut: 7, front: 'a', back: 'b' });
});

it.each([
  ['no cut', [], ['a'], '--at is missing: '],
  ['two cuts', [7, 9], ['a', 'b', 'c'], 'cut at 2 places'],
])('refuses %s in words that help', (_, cuts: number[], segments, sentence) => {
  expect(() => cutInTwo({ cuts, segments })).toThrow(
    expect.objectContaining({ code: 'CUT_USAGE', message: expect.stringContaining(sentence) }),
  );
});
