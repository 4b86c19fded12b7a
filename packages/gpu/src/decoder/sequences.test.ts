import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Sequences } from './sequences.js';

const limits = { pages: 12, pageTokens: 4, contextTokens: 24 };

const action = fc.oneof(
  fc.record({ kind: fc.constant('extend' as const), sequence: fc.nat(3), tokens: fc.integer({ min: 1, max: 9 }) }),
  fc.record({ kind: fc.constant('truncate' as const), sequence: fc.nat(3), tokens: fc.nat(24) }),
  fc.record({ kind: fc.constant('clone' as const), sequence: fc.nat(3), into: fc.nat(3), tokens: fc.nat(24) }),
  fc.record({ kind: fc.constant('drop' as const), sequence: fc.nat(3) }),
);

/** What each place of each page holds, and the texts as they should be. */
class Memory {
  readonly cells = new Map<number, number>();
  readonly texts = new Map<number, number[]>();
  #next = 0;

  write(sequences: Sequences, sequence: number, tokens: number): void {
    const before = sequences.tokensOf(sequence);
    for (const { from, to } of sequences.extend(sequence, tokens)) {
      for (let i = 0; i < limits.pageTokens; i++) {
        this.cells.set(to * limits.pageTokens + i, this.cells.get(from * limits.pageTokens + i) ?? -1);
      }
    }
    const text = this.texts.get(sequence) ?? [];
    for (let position = before; position < before + tokens; position++) {
      this.cells.set(cellOf(sequences, sequence, position), this.#next);
      text.push(this.#next++);
    }
    this.texts.set(sequence, text);
  }
}

function cellOf(sequences: Sequences, sequence: number, position: number): number {
  const page = sequences.pagesOf(sequence)[Math.floor(position / limits.pageTokens)] ?? Number.NaN;
  return page * limits.pageTokens + (position % limits.pageTokens);
}

describe('sequences in pages', () => {
  it('each read what was written to them, whoever shares their pages', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
        const sequences = new Sequences(limits);
        const memory = new Memory();
        for (const one of actions) {
          const { kind, sequence } = one;
          if (kind === 'extend') {
            const needed = sequences.pagesFor(sequence, one.tokens);
            const fits = needed <= sequences.freePages;
            const short = sequences.tokensOf(sequence) + one.tokens <= limits.contextTokens;
            if (fits && short) memory.write(sequences, sequence, one.tokens);
            else {
              const code = short ? 'CUT_GPU_MEMORY' : 'CUT_INPUT';
              expect(() => sequences.extend(sequence, one.tokens)).toThrow(expect.objectContaining({ code }));
            }
          } else if (kind === 'truncate') {
            sequences.truncate(sequence, one.tokens);
            memory.texts.set(sequence, (memory.texts.get(sequence) ?? []).slice(0, one.tokens));
          } else if (kind === 'drop') {
            sequences.drop(sequence);
            memory.texts.delete(sequence);
          } else if (one.into !== sequence) {
            sequences.clone(sequence, one.into, one.tokens);
            memory.texts.set(one.into, (memory.texts.get(sequence) ?? []).slice(0, one.tokens));
          }
          for (const [own, text] of memory.texts) {
            expect(sequences.tokensOf(own)).toBe(text.length);
            expect(text.map((_, position) => memory.cells.get(cellOf(sequences, own, position)))).toEqual(text);
          }
        }
        for (const own of memory.texts.keys()) sequences.drop(own);
        expect(sequences.freePages).toBe(limits.pages);
      }),
      { numRuns: 500 },
    );
  });
});
