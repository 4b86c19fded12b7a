import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checksum } from './checksum.js';
import type { Grouping } from './kernels.js';
import { packCodes, packedBytes, unpackCodes } from './pack.js';
import { halfAbove, halfBelow, nearest } from './quantise.js';
import { tailMagnitude } from './tail.js';
import { typescriptKernels as kernels } from './typescript.js';

const grouping = fc
  .tuple(fc.nat(3), fc.nat(40), fc.nat(5))
  .map(([outer, length, inner]): Grouping => ({ outer: outer + 1, length, inner: inner + 1 }));
const cases = grouping.chain((of) => {
  const size = of.outer * of.length * of.inner;
  const values = fc.array(fc.float({ noNaN: true, min: -1000, max: 1000 }), { minLength: size, maxLength: size });
  return fc.record({ of: fc.constant(of), values: values.map((list) => Float32Array.from(list)) });
});

describe('packed codes', () => {
  it('are the codes again, in as few bytes as their widths need', () => {
    fc.assert(
      fc.property(grouping, fc.infiniteStream(fc.nat(255)), (of, stream) => {
        const take = (): number => stream.next().value ?? 0;
        const widths = Uint8Array.from(
          { length: of.outer * of.inner },
          () => [0, 2, 3, 4, 5, 6, 7, 8][take() % 8] ?? 0,
        );
        const codes = Uint8Array.from({ length: of.outer * of.length * of.inner }, (_, at) => {
          const group = Math.floor(at / (of.length * of.inner)) * of.inner + (at % of.inner);
          return take() & ((1 << (widths[group] ?? 0)) - 1);
        });
        const packed = packCodes(codes, of, widths);
        expect(packed.length).toBe(packedBytes(widths, of.length));
        expect(unpackCodes(packed, of, widths)).toEqual(codes);
      }),
    );
  });
});

describe('affine steps', () => {
  it('come back within half a step, and groups of equal elements as they were', () => {
    fc.assert(
      fc.property(cases, fc.integer({ min: 2, max: 8 }), ({ of, values }, width) => {
        const steps = kernels.affineEncode(values, of, width, 'packed');
        if (steps === undefined) throw new Error('refused');
        const back = kernels.decodeSteps(steps, of, 'packed', undefined);
        for (const [at, x] of values.entries()) {
          const group = Math.floor(at / (of.length * of.inner)) * of.inner + (at % of.inner);
          const scale = steps.scales[group] ?? 0;
          expect(Math.abs((back[at] ?? 0) - x)).toBeLessThanOrEqual(scale * 0.5001 + Math.abs(x) * 2 ** -23);
        }
      }),
    );
  });

  it('are refused for what is not finite or beyond the largest magnitude', () => {
    const one: Grouping = { outer: 1, length: 2, inner: 1 };
    for (const x of [Number.NaN, Infinity, -3e38]) {
      expect(kernels.affineEncode(Float32Array.of(1, x), one, 4, 'packed')).toBeUndefined();
    }
  });
});

describe('tab-q steps', () => {
  it('keep the budget of each group wherever the largest width can, and outliers bit for bit', () => {
    fc.assert(
      fc.property(
        cases,
        fc.constantFrom(1e-1, 1e-2, 1e-3, 1e-5),
        fc.float({ noNaN: true, min: 0, max: 1000 }),
        (c, delta, tau) => {
          const { of, values } = c;
          const options = { least: tau, rho: 1, delta, maxWidth: 8 };
          const { steps, outliers } = kernels.tabqEncode(values, of, options, 'bytes');
          expect([...outliers.at]).toEqual([...values.keys()].filter((i) => !(Math.abs(values[i] ?? 0) <= tau)));
          const back = kernels.decodeSteps(steps, of, 'bytes', outliers);
          const groups = of.outer * of.inner;
          const error = new Float64Array(groups);
          const energy = new Float64Array(groups);
          for (const [at, x] of values.entries()) {
            const group = Math.floor(at / (of.length * of.inner)) * of.inner + (at % of.inner);
            if (Math.abs(x) > tau) expect(back[at]).toBe(x);
            else {
              error[group] = (error[group] ?? 0) + ((back[at] ?? 0) - x) ** 2;
              energy[group] = (energy[group] ?? 0) + x * x;
            }
          }
          for (const [group, sum] of error.entries()) {
            const scale = steps.scales[group] ?? 0;
            const largest = steps.widths[group] === 8 ? of.length * (scale * 0.5001) ** 2 : 0;
            const rounding = of.length * (1000 * 2 ** -23) ** 2;
            expect(sum).toBeLessThanOrEqual(Math.max(delta * (energy[group] ?? 0), largest) * 1.001 + rounding);
          }
        },
      ),
    );
  });

  it('takes fewer bits where the budget is larger, and none where all elements are alike', () => {
    const row = Float32Array.from({ length: 64 }, (_, i) => Math.sin(i * i));
    const of: Grouping = { outer: 1, length: 64, inner: 1 };
    const widthAt = (delta: number) =>
      kernels.tabqEncode(row, of, { least: 10, rho: 1, delta, maxWidth: 8 }, 'bytes').steps.widths[0];
    expect([3e-2, 1e-2, 1e-3, 1e-4, 1e-9].map(widthAt)).toEqual([3, 4, 5, 7, 8]);
    const flat = new Float32Array(64).fill(0.1);
    const { steps } = kernels.tabqEncode(flat, of, { least: 10, rho: 1, delta: 1e-3, maxWidth: 8 }, 'packed');
    expect([steps.widths[0], steps.codes.length, steps.lows[0]]).toEqual([0, 0, Math.fround(0.1)]);
  });
});

describe('rounding', () => {
  it('nearest goes to even', () => {
    expect([0.5, 1.5, 2.5, 0.49999997, 254.5].map(nearest)).toEqual([0, 2, 2, 0, 254]);
  });

  it('to binary16 goes down and up to numbers that it has', () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true, min: -32_768, max: 32_768 }), (x) => {
        const [below, above] = [halfBelow(x), halfAbove(x)];
        const halves = new Uint16Array(2);
        const back = new Float32Array(2);
        kernels.toHalves(Float32Array.of(below, above), halves);
        kernels.fromHalves(halves, back);
        expect([...back].map((y) => y + 0)).toEqual([below + 0, above + 0]);
        expect(below <= x && x <= above).toBe(true);
        expect(above - below).toBeLessThanOrEqual(Math.max(Math.abs(x) * 2 ** -10, 2 ** -24));
      }),
    );
  });

  it('to bfloat16 is the nearest, ties to even, and counts what becomes infinite', () => {
    const from = Float32Array.of(1, 1 + 2 ** -8, 1 + 3 * 2 ** -8, -Infinity, Number.NaN, 3.4e38, 1e-40);
    const to = new Uint16Array(from.length);
    expect(kernels.toBfloats(from, to)).toBe(1);
    expect([...to]).toEqual([0x3f80, 0x3f80, 0x3f82, 0xff80, 0x7fc0, 0x7f80, 0x0001]);
  });
});

it('the tail magnitude leaves at most the share above it', () => {
  fc.assert(
    fc.property(fc.array(fc.float()), fc.float({ min: 0, max: 1, noNaN: true }), (list, rho) => {
      const tau = tailMagnitude(Float32Array.from(list), rho);
      const countable = list.filter((x) => Math.abs(x) < 2 ** 126);
      expect(countable.filter((x) => Math.abs(x) > tau).length).toBeLessThanOrEqual(rho * list.length);
      expect(list.filter((x) => !(Math.abs(x) < 2 ** 126)).every((x) => !(Math.abs(x) <= tau))).toBe(true);
    }),
  );
});

it('the checksum is xxHash32', () => {
  const text = (s: string) => new TextEncoder().encode(s);
  expect(checksum(text(''))).toBe(0x02cc5d05);
  expect(checksum(text('a'))).toBe(0x550d7456);
  expect(checksum(text('abc'))).toBe(0x32d153ff);
  expect(checksum(text('Nobody inspects the spammish repetition'))).toBe(0xe2293b2f);
});
