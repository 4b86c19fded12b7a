import { tensorOf, valuesOf } from '@cutpoint/core';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Codec } from '../codec.js';
import { openCodec } from '../registry.js';
import { calibrateTransform } from './calibrate.js';
import { transformCodec, transformCodecs } from './codec.js';
import { eigenvectorsOf } from './eigen.js';
import { defectOf } from './matrix.js';
import { nonNegativeFit } from './non-negative.js';
import type { TransformTable } from './table.js';

const shape = [1, 6, 5, 4];
const size = 120;
const identity = { modelHash: 'a'.repeat(64), cut: 3, tensor: 'x' };

/** Maps whose channels and neighbours go together, as activations do. */
function activation(seed: number): Float32Array<ArrayBuffer> {
  const random = noise(seed);
  const waves = Array.from({ length: 3 }, () => [random() * 3, random(), random()] as const);
  return Float32Array.from({ length: size }, (_, i) => {
    const [channel, row, column] = [Math.floor(i / 20), Math.floor((i % 20) / 4), i % 4];
    const sum = waves.reduce((all, [a, b, c], w) => all + a * Math.sin(b * row + c * column + w * channel), channel);
    return sum + random() * 0.2;
  });
}

function noise(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

const map = { kind: 'map', channels: 6, height: 5, width: 4 } as const;
const samples = () => Array.from({ length: 30 }, (_, i) => activation(i * 77 + 1));
const variants = [
  { rotate: true, frequencies: true },
  { rotate: false, frequencies: true },
  { rotate: true, frequencies: false },
  { rotate: false, frequencies: false },
];

function errorNorm(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += ((a[i] ?? 0) - (b[i] ?? 0)) ** 2;
  return Math.sqrt(sum);
}

function expectWithinBound(codec: Codec, values: Float32Array<ArrayBuffer>, dims: readonly number[]): number {
  const tensor = tensorOf('f32', dims, values);
  const payload = codec.encode(tensor);
  const decoded = codec.decode(payload, { maxElements: values.length });
  expect(decoded.shape).toEqual(dims);
  const bound = codec.bound(tensor);
  if (bound.kind !== 'norm') throw new Error('The bound is not one of the norm.');
  expect(errorNorm(valuesOf(decoded) as Float32Array, values)).toBeLessThanOrEqual(bound.most);
  return payload.length;
}

describe.each(variants)('the transform codec with rotation $rotate, frequencies $frequencies', (variant) => {
  let table: TransformTable;
  let codec: Codec;
  beforeAll(() => {
    table = calibrateTransform(samples, { ...identity, geometry: map, relativeStep: 0.3, ...variant });
    codec = transformCodec('test', table);
  });

  it('keeps its bound on activations, in few bytes', () => {
    for (let seed = 1000; seed < 1020; seed++) {
      expect(expectWithinBound(codec, activation(seed), shape)).toBeLessThan(size * 0.75);
    }
  });

  it('keeps its bound on anything finite that is not out of all range, and on any number of samples', () => {
    const anything = fc.integer({ min: 0, max: 2 }).chain((samplesCount) =>
      fc.record({
        count: fc.constant(samplesCount),
        values: fc.array(fc.float({ noNaN: true, min: -1000, max: 1000 }), {
          minLength: samplesCount * size,
          maxLength: samplesCount * size,
        }),
      }),
    );
    fc.assert(
      fc.property(anything, ({ count, values }) => {
        expectWithinBound(codec, Float32Array.from(values), [count, 6, 5, 4]);
      }),
      { numRuns: 40 },
    );
  });

  it('refuses what is not finite, what is far out of range, and other shapes', () => {
    for (const odd of [Number.NaN, Infinity, -Infinity, 1e30]) {
      const values = activation(5);
      values[17] = odd;
      expect(() => codec.encode(tensorOf('f32', shape, values))).toThrow(
        expect.objectContaining({ code: 'CUT_CODEC' }),
      );
    }
    const other = tensorOf('f32', [1, 5, 6, 4], activation(5));
    expect(() => codec.encode(other)).toThrow(expect.objectContaining({ code: 'CUT_CODEC' }));
  });

  it('tells any change of a payload, and refuses more elements than allowed', () => {
    const payload = codec.encode(tensorOf('f32', shape, activation(9)));
    const refused = expect.objectContaining({ code: 'CUT_CODEC_PAYLOAD' });
    expect(() => codec.decode(payload, { maxElements: size - 1 })).toThrow(refused);
    for (let length = 0; length < payload.length; length++) {
      expect(() => codec.decode(payload.subarray(0, length), { maxElements: size })).toThrow(refused);
    }
    fc.assert(
      fc.property(fc.nat(payload.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const changed = payload.slice();
        changed[at] = (changed[at] ?? 0) ^ change;
        expect(() => codec.decode(changed, { maxElements: size })).toThrow(refused);
      }),
      { numRuns: 500 },
    );
  });

  it('has orthonormal matrices', () => {
    if (table.rotation !== undefined) expect(defectOf(table.rotation, 6)).toBeLessThan(1e-5);
    if (table.spatial !== undefined) {
      expect(defectOf(table.spatial.vertical, 5)).toBeLessThan(1e-5);
      expect(defectOf(table.spatial.horizontal, 4)).toBeLessThan(1e-5);
    }
  });
});

describe('the transform codec', () => {
  it.each(['f16', 'bf16', 'f64'] as const)('carries %s', (dtype) => {
    const codec = transformCodec('t', calibrateTransform(samples, { ...identity, geometry: map, relativeStep: 0.3 }));
    const values = dtype === 'f64' ? Float64Array.from(activation(3)) : new Uint16Array(size).fill(0x3f80);
    const tensor = tensorOf(dtype, shape, values);
    expect(codec.decode(codec.encode(tensor), { maxElements: size }).dtype).toBe(dtype);
  });

  it('carries sequences of any length', () => {
    const geometry = { kind: 'sequence', channels: 6 } as const;
    const table = calibrateTransform(samples, { ...identity, geometry, relativeStep: 0.3 });
    const codec = transformCodec('t', table);
    for (const tokens of [0, 1, 3, 20]) {
      const own = activation(4);
      const values = Float32Array.from({ length: tokens * 6 }, (_, i) => own[(i % 6) * 20 + Math.floor(i / 6)] ?? 0);
      expectWithinBound(codec, values, [1, tokens, 6]);
      expectWithinBound(codec, values, [tokens, 6]);
    }
  });

  it('is opened by the name of its table', () => {
    const table = calibrateTransform(samples, { ...identity, geometry: map, relativeStep: 0.3 });
    const transform = transformCodecs(new Map([['one', table]]));
    const tensor = tensorOf('f32', shape, activation(8));
    const codec = openCodec('transform:table=one', { transform });
    expect(codec.spec).toBe('transform:table=one');
    expect(codec.encode(tensor)).toEqual(transformCodec('one', table).encode(tensor));
    expect(() => openCodec('transform:table=two', { transform })).toThrow(
      expect.objectContaining({ code: 'CUT_CODEC_TABLE', message: expect.stringContaining('there are one') }),
    );
    for (const spec of ['transform:table=one+rans', 'topk+transform:table=one']) {
      expect(() => openCodec(spec, { transform })).toThrow(expect.objectContaining({ code: 'CUT_USAGE' }));
    }
  });

  it('needs activations, and ones that vary', () => {
    const options = { ...identity, geometry: map, relativeStep: 0.3 };
    const refused = expect.objectContaining({ code: 'CUT_CODEC' });
    expect(() => calibrateTransform(() => [], options)).toThrow(refused);
    expect(() => calibrateTransform(() => [new Float32Array(size).fill(2)], options)).toThrow(refused);
    expect(() => calibrateTransform(() => [new Float32Array(size - 1)], options)).toThrow(refused);
  });
});

describe('eigenvectors', () => {
  it('are orthonormal and turn a symmetric matrix diagonal, in descending order', () => {
    const matrices = fc
      .integer({ min: 1, max: 12 })
      .chain((n) =>
        fc.tuple(fc.constant(n), fc.array(fc.integer({ min: -9, max: 9 }), { minLength: n * n, maxLength: n * n })),
      );
    fc.assert(
      fc.property(matrices, ([n, entries]) => {
        const a = Float64Array.from({ length: n * n }, (_, i) => {
          const [row, column] = [Math.floor(i / n), i % n];
          return (entries[Math.min(row, column) * n + Math.max(row, column)] ?? 0) + 0;
        });
        const v = eigenvectorsOf(a, n);
        expect(defectOf(v, n)).toBeLessThan(1e-9);
        const product = (i: number, j: number) => {
          let sum = 0;
          for (let r = 0; r < n; r++)
            for (let c = 0; c < n; c++) sum += (v[i * n + r] ?? 0) * (a[r * n + c] ?? 0) * (v[j * n + c] ?? 0);
          return sum;
        };
        for (let i = 0; i < n; i++) {
          for (let j = 0; j < i; j++) expect(Math.abs(product(i, j))).toBeLessThan(1e-8);
          if (i > 0) expect(product(i, i)).toBeLessThanOrEqual(product(i - 1, i - 1) + 1e-8);
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('a fit without negative weights', () => {
  it('finds the weights that made the targets', () => {
    const rows = Array.from({ length: 50 }, (_, i) => [1, i % 3, (i * i) % 7]);
    const wanted = rows.map(([a = 0, b = 0, c = 0]) => 0.5 * a + 2 * b + 0 * c);
    const square = Float64Array.from({ length: 9 }, (_, i) =>
      rows.reduce((sum, row) => sum + (row[Math.floor(i / 3)] ?? 0) * (row[i % 3] ?? 0), 0),
    );
    const target = Float64Array.from({ length: 3 }, (_, f) =>
      rows.reduce((sum, row, i) => sum + (row[f] ?? 0) * (wanted[i] ?? 0), 0),
    );
    const [a, b, c] = nonNegativeFit(square, target);
    expect(a).toBeCloseTo(0.5, 3);
    expect(b).toBeCloseTo(2, 3);
    expect(c).toBeCloseTo(0, 3);
  });
});
