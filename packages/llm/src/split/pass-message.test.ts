import type { CutpointError } from '@cutpoint/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readHiddenAnswer, readTokensAnswer, writeAnswer } from './pass-answer.js';
import { type PassMessage, PassReader, type PieceForm, writePass } from './pass-message.js';

const limits = { maxRows: 100, vocabularySize: 300 };
const forms: readonly PieceForm[] = [
  { tokens: true, hidden: true },
  { tokens: true, hidden: false },
  { tokens: false, hidden: true },
];

const pieceOf = (form: PieceForm) =>
  fc
    .record({
      tokens: fc.array(fc.nat(299), { minLength: 1, maxLength: 8 }),
      wrong: fc.nat(5),
      hidden: fc.uint8Array({ maxLength: 40 }),
    })
    .map(({ tokens, wrong, hidden }) => ({
      rows: tokens.length + wrong,
      kept: tokens.length,
      tokens: form.tokens ? tokens : [],
      hidden: form.hidden ? hidden : new Uint8Array(0),
    }));

const messageOf = (form: PieceForm) =>
  fc
    .tuple(fc.nat(2 ** 32 - 1), fc.nat(100_000), fc.array(pieceOf(form), { minLength: 1, maxLength: 10 }))
    .map(([sequence, base, pieces]): PassMessage => {
      const earlier = pieces.slice(0, -1);
      const last = pieces.at(-1) ?? { rows: 1, kept: 1, tokens: [0], hidden: new Uint8Array(0) };
      return { sequence, base, drafted: last.kept - 1, pieces: [...earlier, { ...last, rows: last.kept }] };
    });

describe.each(forms)('a pass of pieces with %j', (form) => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(messageOf(form), (message) => {
        const reader = new PassReader(writePass(message, form));
        const { sequence, base, drafted } = reader;
        expect({ sequence, base, drafted, pieces: reader.pieces(form, limits) }).toEqual(message);
      }),
    );
  });

  it('is refused in one sentence, or read within the limits, whatever the bytes are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          const reader = new PassReader(bytes);
          const pieces = reader.pieces(form, limits);
          const kept = pieces.reduce((sum, piece) => sum + piece.kept, 0);
          expect(kept).toBeLessThanOrEqual(limits.maxRows);
          expect(pieces.flatMap(({ tokens }) => tokens).every((token) => token < limits.vocabularySize)).toBe(true);
          expect(reader.drafted).toBeLessThan(pieces.at(-1)?.rows ?? 0);
        } catch (thrown) {
          expect((thrown as CutpointError).code).toBe('CUT_INPUT');
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('is refused with bytes missing at its end', () => {
    fc.assert(
      fc.property(messageOf(form), fc.nat(), (message, cut) => {
        const bytes = writePass({ ...message, pieces: message.pieces.slice(0, 1) }, form);
        const short = bytes.subarray(0, cut % bytes.length);
        const read = () => new PassReader(short).pieces(form, limits);
        expect(read).toThrow(expect.objectContaining({ code: 'CUT_INPUT' }));
      }),
    );
  });
});

it('one token costs five bytes beside the token and its hidden state', () => {
  const piece = { rows: 1, kept: 1, tokens: [42], hidden: new Uint8Array(100) };
  const bytes = writePass({ sequence: 3, base: 90, drafted: 0, pieces: [piece] }, { tokens: true, hidden: true });
  expect(bytes.length).toBe(100 + 1 + 1 + 5);
});

describe('the answer to a pass', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(fc.nat(3e6), fc.array(fc.nat(299), { minLength: 1, maxLength: 9 }), (codecUs, tokens) => {
        expect(readTokensAnswer(writeAnswer({ codecUs, tokens }), 9, 300)).toEqual({ codecUs, tokens });
      }),
    );
    const hidden = Uint8Array.of(1, 2, 3);
    expect(readHiddenAnswer(writeAnswer({ codecUs: 7, hidden }))).toEqual({ codecUs: 7, hidden });
  });

  it('is refused in one sentence, or has as many tokens of the vocabulary as were asked for', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20 }), (bytes) => {
        try {
          const { tokens } = readTokensAnswer(bytes, 3, 300);
          expect(tokens.length).toBeGreaterThan(0);
          expect(tokens.length).toBeLessThanOrEqual(3);
          expect(tokens.every((token) => token < 300)).toBe(true);
        } catch (thrown) {
          expect((thrown as CutpointError).code).toBe('CUT_INPUT');
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
