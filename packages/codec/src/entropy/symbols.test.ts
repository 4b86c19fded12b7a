import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openKernels } from '../kernels/load-kernels.js';
import { typescriptKernels } from '../kernels/typescript.js';
import type { SymbolLayout } from './layout.js';
import { decodeSymbols, encodeSymbols } from './symbols.js';
import { frequenciesOf } from './table.js';

const kernels = openKernels();

/** Symbols of any kind: even, skewed, constant, few or many; with or without classes. */
const arrays = fc
  .record({
    alphabet: fc.integer({ min: 2, max: 256 }),
    classes: fc.integer({ min: 1, max: 5 }),
    skew: fc.nat(6),
    left: fc.integer({ min: 1, max: 9 }),
    up: fc.integer({ min: 1, max: 6000 }),
    size: fc.constantFrom(20, 800, 5000),
  })
  .chain(({ size, ...rest }) =>
    fc.record({
      ...Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, fc.constant(value)])),
      seed: fc.nat(),
      count: fc.nat(size),
    }),
  )
  .map((parts) => {
    const { alphabet, classes, skew, left, up, seed, count } = parts as Record<string, number> as {
      [Key in 'alphabet' | 'classes' | 'skew' | 'left' | 'up' | 'seed' | 'count']: number;
    };
    const random = randomOf(seed);
    const symbols = Uint8Array.from({ length: count }, () => Math.floor(random() ** (1 + skew * 2) * alphabet));
    // In turn, or of any order.
    const own =
      classes > 1 && seed % 2 === 0
        ? Uint8Array.from({ length: count }, () => Math.floor(random() * classes))
        : undefined;
    const layout: SymbolLayout = { count, alphabet, own, classes, left, up };
    return { symbols, layout };
  });

/** Numbers from 0 to below 1 that the seed decides. */
function randomOf(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9;
    return ((state ^ (state >>> 13)) >>> 0) / 2 ** 32;
  };
}

function layoutOf(count: number, alphabet: number, more: Partial<SymbolLayout> = {}): SymbolLayout {
  return { count, alphabet, classes: 1, left: 1, up: 1, ...more };
}

describe('symbols', () => {
  it('come back, whatever they are, and both kernels give the same bytes', () => {
    fc.assert(
      fc.property(arrays, ({ symbols, layout }) => {
        const bytes = encodeSymbols(symbols, layout, kernels);
        expect(encodeSymbols(symbols, layout, typescriptKernels)).toEqual(bytes);
        expect(decodeSymbols(bytes, layout, kernels)).toEqual(symbols);
        expect(decodeSymbols(bytes, layout, typescriptKernels)).toEqual(symbols);
      }),
      { numRuns: 300 },
    );
  });

  it('never take more than a byte each and one', () => {
    fc.assert(
      fc.property(arrays, ({ symbols, layout }) => {
        expect(encodeSymbols(symbols, layout, kernels).length).toBeLessThanOrEqual(symbols.length + 1);
      }),
    );
  });

  it('take about as many bits as they carry information', () => {
    const random = randomOf(1);
    const symbols = Uint8Array.from({ length: 20_000 }, () => Math.floor(random() * 3));
    const ideal = (symbols.length * Math.log2(3)) / 8;
    const coded = encodeSymbols(symbols, layoutOf(symbols.length, 3), kernels);
    expect(coded.length).toBeLessThan(ideal * 1.01);
    expect(coded.length).toBeGreaterThan(ideal * 0.98);
  });

  it('that are nearly always the same take far less than a bit', () => {
    const symbols = Uint8Array.from({ length: 100_000 }, (_, i) => (i % 1000 === 0 ? 1 + (i % 7) : 0));
    expect(encodeSymbols(symbols, layoutOf(symbols.length, 16), kernels).length).toBeLessThan(400);
  });

  it('use classes where those tell something', () => {
    const random = randomOf(3);
    const own = Uint8Array.from({ length: 8000 }, () => Math.floor(random() * 2));
    const symbols = own.map((ownClass) => ownClass * 8 + Math.floor(random() * 2));
    const blind = encodeSymbols(symbols, layoutOf(8000, 16), kernels).length;
    const sighted = encodeSymbols(symbols, layoutOf(8000, 16, { own, classes: 2 }), kernels).length;
    expect(sighted).toBeLessThan(blind * 0.6);
  });

  it.each([400, 20_000])(
    'that nothing is to be told of, beside others, take a byte and hardly more (%i of them)',
    (count) => {
      const random = randomOf(11);
      const symbols = Uint8Array.from({ length: count }, (_, i) => (i % 2 === 0 ? Math.floor(random() * 256) : 60));
      const coded = encodeSymbols(symbols, layoutOf(count, 256, { classes: 2, left: 2, up: 2 }), kernels);
      expect(coded.length).toBeLessThan(count * 0.5 * 1.05 + 12);
    },
  );

  it('use neighbours where those tell something', () => {
    const width = 100;
    const random = randomOf(7);
    const symbols = new Uint8Array(width * 200);
    for (let i = 0; i < symbols.length; i++) {
      const like = (random() < 0.5 ? symbols[i - 1] : symbols[i - width]) ?? 0;
      symbols[i] = random() < 0.9 ? like : Math.floor(random() * 16);
    }
    const seen = encodeSymbols(symbols, layoutOf(symbols.length, 16, { up: width }), kernels).length;
    const elsewhere = layoutOf(symbols.length, 16, { left: 2037, up: 3091 });
    expect(seen).toBeLessThan(encodeSymbols(symbols, elsewhere, kernels).length * 0.85);
  });

  it('that are damaged give an error or other symbols of the layout, and nothing else', () => {
    fc.assert(
      fc.property(
        arrays,
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        fc.nat(),
        fc.constantFrom(kernels, typescriptKernels),
        ({ symbols, layout }, changes, cut, used) => {
          const bytes = encodeSymbols(symbols, layout, used);
          for (const [at, value] of changes) bytes[at % bytes.length] = value;
          const hostile = cut % 3 === 0 ? bytes.subarray(0, cut % (bytes.length + 1)) : bytes;
          try {
            const decoded = decodeSymbols(hostile, layout, used);
            expect(decoded.length).toBe(symbols.length);
            expect(decoded.every((symbol) => symbol < layout.alphabet)).toBe(true);
          } catch (error) {
            expect(error).toMatchObject({ code: 'CUT_CODEC_PAYLOAD' });
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it.each([500, 5000])('that are cut short are refused (%i of them)', (count) => {
    const symbols = Uint8Array.from({ length: count }, (_, i) => (i * i) % 7);
    const layout = layoutOf(count, 7, { up: 10 });
    const bytes = encodeSymbols(symbols, layout, kernels);
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeSymbols(bytes.subarray(0, length), layout, kernels)).toThrow(
        expect.objectContaining({ code: 'CUT_CODEC_PAYLOAD' }),
      );
    }
  });
});

describe('frequencies', () => {
  it('sum to the total and forget no symbol', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(1e6), { minLength: 1, maxLength: 400 }),
        fc.constantFrom(1 << 12, 1 << 14),
        (counts, total) => {
          fc.pre(counts.some((count) => count > 0));
          const frequencies = frequenciesOf(counts, total);
          expect(frequencies.reduce((sum, frequency) => sum + frequency, 0)).toBe(total);
          expect(counts.every((count, s) => count > 0 === (frequencies[s] ?? 0) > 0)).toBe(true);
        },
      ),
    );
  });
});
