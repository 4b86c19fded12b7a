import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeSymbols, encodeSymbols, type SymbolLayout } from './symbols.js';
import { frequenciesOf, StaticTable } from './table.js';

/** Symbols of any kind: even, skewed, constant, few or many; with or without contexts and tables. */
const arrays = fc
  .record({ alphabet: fc.integer({ min: 2, max: 256 }), contexts: fc.integer({ min: 1, max: 5 }), skew: fc.nat(4) })
  .chain(({ alphabet, contexts, skew }) =>
    fc.record({
      alphabet: fc.constant(alphabet),
      contexts: fc.constant(contexts),
      withContexts: fc.boolean(),
      withTables: fc.boolean(),
      pairs: fc.array(fc.tuple(fc.double({ min: 0, max: 0.999, noNaN: true }), fc.nat(contexts - 1)), {
        maxLength: 800,
        size: 'max',
      }),
      skew: fc.constant(skew),
    }),
  )
  .map(({ alphabet, contexts, withContexts, withTables, pairs, skew }) => {
    const symbols = Uint8Array.from(pairs, ([x]) => Math.floor(x ** (1 + skew * 2) * alphabet));
    const given = new StaticTable(frequenciesOf(Array.from({ length: alphabet }, (_, s) => 1000 / (1 + s) ** skew)));
    const layout: SymbolLayout = {
      count: symbols.length,
      alphabet,
      ...(withContexts ? { contexts, contextOf: Uint16Array.from(pairs, ([, context]) => context) } : {}),
      ...(withTables ? { tables: Array.from({ length: withContexts ? contexts : 1 }, () => given) } : {}),
    };
    return { symbols, layout };
  });

describe('symbols', () => {
  it('come back, whatever they are', () => {
    fc.assert(
      fc.property(arrays, ({ symbols, layout }) => {
        expect(decodeSymbols(encodeSymbols(symbols, layout), layout)).toEqual(symbols);
      }),
      { numRuns: 100 },
    );
  });

  it('never take more than a byte each and one', () => {
    fc.assert(
      fc.property(arrays, ({ symbols, layout }) => {
        expect(encodeSymbols(symbols, layout).length).toBeLessThanOrEqual(symbols.length + 1);
      }),
    );
  });

  it('take about as many bits as they carry information', () => {
    const symbols = Uint8Array.from({ length: 20_000 }, (_, i) => (Math.imul(i, 2_654_435_761) >>> 24) % 3);
    const ideal = (symbols.length * Math.log2(3)) / 8;
    const coded = encodeSymbols(symbols, { count: symbols.length, alphabet: 3 });
    expect(coded.length).toBeLessThan(ideal * 1.01);
    expect(coded.length).toBeGreaterThan(ideal * 0.98);
  });

  it('use contexts where those tell something', () => {
    const contextOf = Uint16Array.from({ length: 8000 }, (_, i) => i % 2);
    const symbols = Uint8Array.from(contextOf, (context, i) => context * 8 + ((Math.imul(i, 40_503) >>> 7) & 1));
    const layout = { count: symbols.length, alphabet: 16 };
    const blind = encodeSymbols(symbols, layout).length;
    expect(encodeSymbols(symbols, { ...layout, contextOf, contexts: 2 }).length).toBeLessThan(blind * 0.6);
  });

  it('that are damaged give an error or other symbols of the layout, and nothing else', () => {
    fc.assert(
      fc.property(
        arrays,
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        fc.nat(),
        (a, changes, cut) => {
          const bytes = encodeSymbols(a.symbols, a.layout);
          for (const [at, value] of changes) bytes[at % bytes.length] = value;
          const hostile = cut % 3 === 0 ? bytes.subarray(0, cut % (bytes.length + 1)) : bytes;
          try {
            const decoded = decodeSymbols(hostile, a.layout);
            expect(decoded.length).toBe(a.symbols.length);
            expect(decoded.every((symbol) => symbol < a.layout.alphabet)).toBe(true);
          } catch (error) {
            expect(error).toMatchObject({ code: 'CUT_CODEC_PAYLOAD' });
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('that are cut short are refused', () => {
    const symbols = Uint8Array.from({ length: 500 }, (_, i) => (i * i) % 7);
    const layout = { count: symbols.length, alphabet: 7 };
    const bytes = encodeSymbols(symbols, layout);
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeSymbols(bytes.subarray(0, length), layout)).toThrow(
        expect.objectContaining({ code: 'CUT_CODEC_PAYLOAD' }),
      );
    }
  });
});

describe('frequencies', () => {
  it('sum to the scale and forget no symbol', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1e6), { minLength: 1, maxLength: 400 }), (counts) => {
        fc.pre(counts.some((count) => count > 0));
        const frequencies = frequenciesOf(counts);
        expect(frequencies.reduce((sum, frequency) => sum + frequency, 0)).toBe(1 << 14);
        expect(counts.every((count, s) => count > 0 === (frequencies[s] ?? 0) > 0)).toBe(true);
      }),
    );
  });
});
