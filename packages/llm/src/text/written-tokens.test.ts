import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { partTokens, piecesOf } from './written-tokens.js';

const tokens = ['<|im_end|>', '</s>', 'ab', 'bcd', '[INST]', '\u{1F600}!'];
const snippets = fc.array(fc.oneof(fc.constantFrom(...tokens, 'a', 'b', 'cd', '<', '|', '\u{1F600}'), fc.string()));
const someText = snippets.map((parts) => parts.join('').replaceAll('\uFDD0', ''));

describe('special tokens that somebody wrote out', () => {
  it('are in no piece, and nothing is lost', () => {
    fc.assert(
      fc.property(someText, (text) => {
        const pieces = piecesOf(partTokens(text, tokens));
        expect(pieces.join('')).toBe(text);
        expect(pieces.some((piece) => tokens.some((token) => piece.includes(token)))).toBe(false);
      }),
      { numRuns: 2_000 },
    );
  });

  it('are those of the vocabulary alone: any other text stays whole', () => {
    expect(piecesOf(partTokens('a <b> c', tokens))).toEqual(['a <b> c']);
    expect(piecesOf(partTokens('</s>', []))).toEqual(['</s>']);
  });
});
