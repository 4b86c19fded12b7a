import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RansDecoder, RansEncoder } from '../entropy/rans.js';
import { frequenciesOf, StaticTable } from '../entropy/table.js';
import { mostCoefficient, symbolCount } from '../transform/coefficients.js';
import { classCount, featureCount, mostWeight } from '../transform/contexts.js';
import type { TransformKernels } from '../transform/kernels.js';
import type { Extent, TransformTable } from '../transform/table.js';
import { transformOf } from '../transform/transform.js';
import { openKernels } from './load-kernels.js';
import { typescriptKernels } from './typescript.js';

const wasm = openKernels();

/** Numbers from 0 to 1, the same each time for a seed (Steele et al., SplitMix; the mixing of MurmurHash3). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
  };
}

interface Case {
  readonly random: () => number;
  readonly table: TransformTable;
  readonly extent: Extent;
}

const forms = fc.record({
  seed: fc.integer(),
  isMap: fc.boolean(),
  channels: fc.integer({ min: 1, max: 11 }),
  height: fc.integer({ min: 1, max: 10 }),
  width: fc.integer({ min: 1, max: 10 }),
  rotate: fc.boolean(),
  frequencies: fc.boolean(),
});
type Form = typeof forms extends fc.Arbitrary<infer One> ? One : never;

/** A table of a form, its numbers at random within what a file of a table may hold. */
function caseOf({ seed, isMap, channels, width, rotate, frequencies, ...form }: Form): Case {
  const random = randomFrom(seed);
  const noise = (length: number) => Float32Array.from({ length }, () => 2 * random() - 1);
  const height = isMap ? form.height : 1;
  const groupCount = 1 + Math.floor(random() * 4);
  // Few distributions, each of many classes, as they take long to make.
  const distributions = Array.from(
    { length: 8 },
    () => new StaticTable(frequenciesOf(Array.from({ length: symbolCount }, () => 1 + 1e4 * random() ** 8))),
  );
  const table: TransformTable = {
    modelHash: '',
    cut: 0,
    tensor: '',
    geometry: isMap ? { kind: 'map', channels, height, width } : { kind: 'sequence', channels },
    step: Math.fround(2 ** (random() * 12 - 6)),
    mean: noise(channels),
    ...(rotate ? { rotation: noise(channels ** 2) } : {}),
    ...(isMap && frequencies ? { spatial: { vertical: noise(height ** 2), horizontal: noise(width ** 2) } } : {}),
    magnitudes: Uint32Array.from({ length: isMap ? channels * height * width : channels }, () =>
      Math.ceil(2 ** (26 * random())),
    ),
    groups: Uint8Array.from({ length: channels }, () => Math.floor(random() * groupCount)),
    weights: Uint16Array.from({ length: groupCount * featureCount }, () => (mostWeight + 1) * random() ** 3),
    classes: Array.from({ length: classCount }, () => distributions[Math.floor(random() * 8)] as StaticTable),
  };
  return { random, table, extent: { samples: 1, channels, height, width } };
}

function bothOf(table: TransformTable): readonly [TransformKernels, TransformKernels] {
  const transform = transformOf(table);
  return [wasm.openTransform(table, transform), typescriptKernels.openTransform(table, transform)];
}

function coefficients({ random, extent }: Case): Int32Array {
  const length = extent.channels * extent.height * extent.width;
  const power = 1 + 9 * random();
  return Int32Array.from({ length }, () => Math.floor((mostCoefficient + 1) ** (random() ** power) - 1) * sign(random));
}

function sign(random: () => number): number {
  return random() < 0.5 ? -1 : 1;
}

/** What a function gives, all its bits, or what it throws. */
function outcome(run: () => Int32Array | Float64Array): unknown {
  try {
    const { buffer, byteOffset, byteLength } = run();
    return new Uint8Array(buffer, byteOffset, byteLength).slice();
  } catch (error) {
    const { code, message } = error as { code?: unknown; message?: unknown };
    return { code, message };
  }
}

describe('the transform in WebAssembly', () => {
  it('gives the coefficients of the plain one, or refuses with it', () => {
    fc.assert(
      fc.property(forms, fc.double({ min: -20, max: 24, noNaN: true }), fc.nat(7), (form, exponent, odd) => {
        const one = caseOf(form);
        const [ours, theirs] = bothOf(one.table);
        const length = one.extent.channels * one.extent.height * one.extent.width;
        const values = Float64Array.from({ length }, () => (one.random() - 0.5) * 2 ** exponent);
        const strange = [Number.NaN, Infinity, -Infinity, 1e300][odd];
        if (strange !== undefined) values[Math.floor(one.random() * length)] = strange;
        const wanted = outcome(() => theirs.coefficientsOf(values, one.extent));
        expect(outcome(() => ours.coefficientsOf(values, one.extent))).toEqual(wanted);
        if (strange !== undefined) expect(wanted).toMatchObject({ code: 'CUT_CODEC' });
      }),
      { numRuns: 400 },
    );
  });

  it('gives the numbers of the plain one', () => {
    fc.assert(
      fc.property(forms, (form) => {
        const one = caseOf(form);
        const [ours, theirs] = bothOf(one.table);
        const values = coefficients(one);
        const wanted = outcome(() => theirs.valuesOf(values, one.extent));
        expect(outcome(() => ours.valuesOf(values, one.extent))).toEqual(wanted);
      }),
      { numRuns: 400 },
    );
  });

  it('codes coefficients in the bytes of the plain one, and reads them back', () => {
    fc.assert(
      fc.property(forms, (form) => {
        const one = caseOf(form);
        const both = bothOf(one.table);
        // Two samples, as each has to leave the coder where the next begins.
        const samples = [coefficients(one), coefficients(one)];
        const [payload, wanted] = both.map((kernels) => {
          const encoder = new RansEncoder();
          encoder.putBits(5, 3);
          for (const sample of samples) kernels.encode(encoder, sample, one.extent);
          return kernels.finish(encoder);
        });
        expect(payload).toEqual(wanted);
        for (const kernels of both) {
          const decoder = new RansDecoder(payload ?? new Uint8Array());
          expect(decoder.bits(3)).toBe(5);
          for (const sample of samples) expect(kernels.decode(decoder, one.extent)).toEqual(sample);
          decoder.end();
        }
      }),
      { numRuns: 400 },
    );
  });

  it('reads from any bytes what the plain one reads, or refuses with it', () => {
    fc.assert(
      fc.property(forms, fc.boolean(), (form, isCut) => {
        const one = caseOf(form);
        const encoder = new RansEncoder();
        const both = bothOf(one.table);
        both[0].encode(encoder, coefficients(one), one.extent);
        let bytes = encoder.finish();
        if (isCut) bytes = bytes.subarray(0, 4 + Math.floor(one.random() * (bytes.length - 3)));
        else for (let i = 0; i < 3; i++) bytes[Math.floor(4 + one.random() * (bytes.length - 4))] = one.random() * 256;
        const decoders = both.map(() => new RansDecoder(bytes));
        const [found, wanted] = both.map((kernels, i) =>
          outcome(() => kernels.decode(decoders[i] as RansDecoder, one.extent)),
        );
        expect(found).toEqual(wanted);
        if (found instanceof Uint8Array) expect(decoders[0]?.position).toEqual(decoders[1]?.position);
      }),
      { numRuns: 800 },
    );
  });
});
