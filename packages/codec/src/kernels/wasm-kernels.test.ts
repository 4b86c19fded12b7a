import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CodeForm, Grouping } from './kernels.js';
import { largestMagnitude } from './kernels.js';
import { loadKernels, openKernels } from './load-kernels.js';
import { packedBytes } from './pack.js';
import { typescriptKernels as plain } from './typescript.js';
import { thisHost, type WasmHost } from './wasm-host.js';

const wasm = openKernels();

/** All bits of what a kernel gives. */
function bits(numbers: Float32Array | undefined): Uint32Array | undefined {
  return numbers && new Uint32Array(numbers.buffer, numbers.byteOffset, numbers.length);
}

const anyBits = fc.nat(0xff_ff_ff_ff).map((word) => new Float32Array(Uint32Array.of(word).buffer)[0] ?? 0);
const kinds: readonly fc.Arbitrary<number>[] = [
  anyBits,
  fc.float(),
  fc.float({ noNaN: true, min: -8, max: 8 }),
  fc.float({ noNaN: true, min: Math.fround(-1e-38), max: Math.fround(1e-38) }),
  fc.integer({ min: -40, max: 40 }).map((x) => x / 8),
  fc.constantFrom(
    0,
    -0,
    1,
    65_504,
    65_520,
    -65_520,
    3.4e38,
    -3.4e38,
    Infinity,
    -Infinity,
    Number.NaN,
    2 ** -24,
    2 ** -126,
  ),
];
const finite = fc.float({ noNaN: true, min: Math.fround(-1e37), max: Math.fround(1e37) });

/** Up to so many elements of one kind, or of all. */
const listOf = (size: { minLength?: number; maxLength: number }) =>
  fc
    .constantFrom(...kinds, finite, fc.oneof(...kinds))
    .chain((kind) => fc.array(kind, { ...size, size: 'max' }))
    .map((list) => Float32Array.from(list));
const groupings: fc.Arbitrary<Grouping> = fc.oneof(
  fc.record({ outer: fc.integer({ min: 1, max: 4 }), length: fc.nat(40), inner: fc.constant(1) }),
  fc.record({ outer: fc.integer({ min: 1, max: 3 }), length: fc.nat(20), inner: fc.integer({ min: 2, max: 20 }) }),
  // Longer than what is summed in one go.
  fc.record({
    outer: fc.constant(1),
    length: fc.integer({ min: 60, max: 140 }),
    inner: fc.integer({ min: 1, max: 9 }),
  }),
  fc.record({
    outer: fc.integer({ min: 4, max: 9 }),
    length: fc.integer({ min: 60, max: 140 }),
    inner: fc.constant(1),
  }),
);
const grouped = groupings.chain((grouping) => {
  const count = grouping.outer * grouping.length * grouping.inner;
  return fc.record({
    grouping: fc.constant(grouping),
    values: listOf({ minLength: count, maxLength: count }),
    form: fc.constantFrom<CodeForm>('bytes', 'packed'),
  });
});

describe('kernels in WebAssembly give the bytes of the plain ones', () => {
  it.each(['toHalves', 'toBfloats'] as const)('%s', (name) => {
    fc.assert(
      fc.property(listOf({ maxLength: 100 }), (values) => {
        const [ours, theirs] = [new Uint16Array(values.length), new Uint16Array(values.length)];
        expect(wasm[name](values, ours)).toBe(plain[name](values, theirs));
        expect(ours).toEqual(theirs);
      }),
      { numRuns: 2000 },
    );
  });

  it.each(['fromHalves', 'fromBfloats'] as const)('%s, for every pattern', (name) => {
    const all = Uint16Array.from({ length: 0x1_00_05 }, (_, i) => i);
    const [ours, theirs] = [new Float32Array(all.length), new Float32Array(all.length)];
    wasm[name](all, ours);
    plain[name](all, theirs);
    expect(bits(ours)).toEqual(bits(theirs));
  });

  it('affine steps', () => {
    fc.assert(
      fc.property(grouped, fc.integer({ min: 2, max: 8 }), ({ grouping, values, form }, width) => {
        const steps = wasm.affineEncode(values, grouping, width, form);
        const theirs = plain.affineEncode(values, grouping, width, form);
        expect({ ...steps, lows: bits(steps?.lows), scales: bits(steps?.scales) }).toEqual({
          ...theirs,
          lows: bits(theirs?.lows),
          scales: bits(theirs?.scales),
        });
        if (steps === undefined) return;
        const ours = wasm.decodeSteps(steps, grouping, form, undefined);
        expect(bits(ours)).toEqual(bits(plain.decodeSteps(steps, grouping, form, undefined)));
      }),
      { numRuns: 1000 },
    );
  });

  it('tab-q steps and outliers', () => {
    const options = fc.record({
      least: fc.oneof(fc.double({ noNaN: true, min: 0, max: 10 }), fc.constantFrom(0, 1, 1e30, largestMagnitude)),
      rho: fc.oneof(fc.double({ noNaN: true, min: 0, max: 1 }), fc.constantFrom(0, 1e-3, 1)),
      delta: fc.constantFrom(0, 1e-9, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1),
      maxWidth: fc.integer({ min: 2, max: 8 }),
    });
    fc.assert(
      fc.property(grouped, options, ({ grouping, values, form }, how) => {
        const { steps, outliers } = wasm.tabqEncode(values, grouping, how, form);
        const theirs = plain.tabqEncode(values, grouping, how, form);
        expect({ ...steps, lows: bits(steps.lows), scales: bits(steps.scales) }).toEqual({
          ...theirs.steps,
          lows: bits(theirs.steps.lows),
          scales: bits(theirs.steps.scales),
        });
        expect(outliers.at).toEqual(theirs.outliers.at);
        expect(bits(outliers.values)).toEqual(bits(theirs.outliers.values));
        const ours = wasm.decodeSteps(steps, grouping, form, outliers);
        expect(bits(ours)).toEqual(bits(plain.decodeSteps(steps, grouping, form, outliers)));
      }),
      { numRuns: 1000 },
    );
  });

  it('elements from any codes', () => {
    const anyWidth = fc.constantFrom(0, 2, 3, 4, 5, 6, 7, 8);
    fc.assert(
      fc.property(
        groupings,
        fc.infiniteStream(anyWidth),
        fc.infiniteStream(fc.nat(255)),
        finite,
        (of, some, any, x) => {
          const groups = of.outer * of.inner;
          const widths = Uint8Array.from({ length: groups }, () => some.next().value ?? 0);
          const steps = {
            narrow: false,
            lows: new Float32Array(groups).fill(x),
            scales: Float32Array.from({ length: groups }, (_, i) => i / 3),
            widths,
            codes: Uint8Array.from({ length: packedBytes(widths, of.length) }, () => any.next().value ?? 0),
          };
          const ours = wasm.decodeSteps(steps, of, 'packed', undefined);
          expect(bits(ours)).toEqual(bits(plain.decodeSteps(steps, of, 'packed', undefined)));
        },
      ),
    );
  });

  it('checksums', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(3), (bytes, skip) => {
        const some = bytes.subarray(skip);
        expect(wasm.checksum(some)).toBe(plain.checksum(some));
      }),
    );
  });

  it('for tensors larger than what is copied at a time, in any order of sizes', () => {
    for (const size of [200_003, 5, 70_000]) {
      const values = Float32Array.from({ length: size }, (_, i) => Math.sin(i * 1.7) * 70_000);
      const [ours, theirs] = [new Uint16Array(size), new Uint16Array(size)];
      expect(wasm.toHalves(values, ours)).toBe(plain.toHalves(values, theirs));
      expect(ours).toEqual(theirs);
      expect(wasm.checksum(new Uint8Array(values.buffer))).toBe(plain.checksum(new Uint8Array(values.buffer)));
      const whole: Grouping = { outer: 1, length: size, inner: 1 };
      for (const tail of [
        { least: 69_990, rho: 1 },
        { least: 0, rho: 0.01 },
      ]) {
        const how = { ...tail, delta: 1e-3, maxWidth: 8 };
        expect(wasm.tabqEncode(values, whole, how, 'packed')).toEqual(plain.tabqEncode(values, whole, how, 'packed'));
      }
    }
  });
});

describe('tab-q in WebAssembly', () => {
  /** Columns of several blocks, some of them of what is no number or alike, with elements far outside the others here and there. */
  const grouping: Grouping = { outer: 2, length: 50, inner: 107 };
  const values = Float32Array.from({ length: 2 * 50 * 107 }, (_, i) => {
    if (i % 107 === 30) return 0.3;
    if (i % 107 === 31) return Number.NaN;
    return i % 611 === 0 ? 1000 * Math.cos(i) : Math.sin(i * 1.7);
  });

  it.each([
    { narrow: true, offset: 0 },
    { narrow: false, offset: 0.1 },
  ])('gives the steps of the plain one where a sample tells of the tail (narrow: $narrow)', ({ narrow, offset }) => {
    // An element that all of a column share is a binary16 number, or makes all groups wide.
    const own = values.map((x) => (x === Math.fround(0.3) ? 0.25 + offset : x));
    for (const form of ['bytes', 'packed'] as const) {
      const how = { least: 0, rho: 0.02, delta: 1e-3, maxWidth: 8 };
      const coded = wasm.tabqEncode(own, grouping, how, form);
      expect(coded).toEqual(plain.tabqEncode(own, grouping, how, form));
      expect(coded.steps.narrow).toBe(narrow);
      expect(coded.outliers.at.length).toBeGreaterThan(100);
    }
  });
});

describe('the kernels that are opened', () => {
  it('say what they are', async () => {
    expect(wasm.name).toBe('wasm-simd');
    expect((await loadKernels()).name).toBe('wasm-simd');
  });

  it('are the plain ones where there is no WebAssembly, or none with SIMD', async () => {
    const { WebAssembly } = thisHost;
    const withoutSimd = { ...thisHost, atob, WebAssembly: WebAssembly && { ...WebAssembly, validate: () => false } };
    for (const host of [{ atob }, withoutSimd] as WasmHost[]) {
      expect(openKernels(host)).toBe(plain);
      expect(await loadKernels(host)).toBe(plain);
    }
  });
});
