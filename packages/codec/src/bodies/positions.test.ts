import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteReader, ByteWriter } from '../bytes.js';
import { typescriptKernels } from '../kernels/typescript.js';
import { ransCoder, type SymbolCoder } from '../symbol-coder.js';
import { type Places, readGaps, readPlaces, writePlaces } from './positions.js';

const anyPlaces = fc.nat(300).chain((count) =>
  fc.record({
    count: fc.constant(count),
    places: fc
      .uniqueArray(fc.nat(Math.max(0, count - 1)), { maxLength: count })
      .map((list) => Uint32Array.from(count === 0 ? [] : list.sort((a, b) => a - b))),
    coder: fc.constantFrom(undefined, ransCoder(typescriptKernels)),
  }),
);

function written(places: Places, count: number, coder: SymbolCoder | undefined): Uint8Array {
  const out = new ByteWriter();
  writePlaces(out, places, count, coder);
  return out.written();
}

describe('places', () => {
  it('are read as they were written, in at most a bit for each of all and a byte or two', () => {
    fc.assert(
      fc.property(anyPlaces, ({ count, places, coder }) => {
        const bytes = written(places, count, coder);
        const body = new ByteReader(bytes);
        expect(readPlaces(body, count, coder)).toEqual(places.length === count ? 'all' : places);
        body.end();
        expect(bytes.length).toBeLessThanOrEqual(Math.ceil(count / 8) + 5);
      }),
    );
  });

  it('beyond the tensor are refused', () => {
    const gaps = (...bytes: number[]) => readGaps(new ByteReader(Uint8Array.from(bytes)), 5, undefined);
    expect([...gaps(2, 1, 2)]).toEqual([1, 4]);
    const refused = expect.objectContaining({ code: 'CUT_CODEC_PAYLOAD' });
    expect(() => gaps(2, 1, 3)).toThrow(refused);
    expect(() => gaps(1, 5)).toThrow(refused);
    expect(() => gaps(6, 0, 0, 0, 0, 0, 0)).toThrow(refused);
    expect(() => gaps(3, 0)).toThrow(refused);
    expect(() => gaps(5, 0x80, 0)).toThrow(refused);
    const tooMany = new ByteReader(Uint8Array.of(2, 0xff));
    expect(readPlaces(tooMany, 5, undefined)).toEqual(Uint32Array.of(0, 1, 2, 3, 4));
    expect(() => readPlaces(new ByteReader(Uint8Array.of(3)), 5, undefined)).toThrow(refused);
  });

  it('in a list that claims more bytes of gaps than there can be are refused before these are decoded', () => {
    const coder = {
      encode: () => new Uint8Array(0),
      decode: (_: Uint8Array, { count }: { readonly count: number }) => new Uint8Array(count),
    };
    // Two places of a thousand: two bytes, and one more for each 128 of the 998 that are free.
    const read = (...bytes: number[]) => readGaps(new ByteReader(Uint8Array.from(bytes)), 1000, coder);
    const refused = expect.objectContaining({ code: 'CUT_CODEC_PAYLOAD' });
    expect([...read(2, 2, 0)]).toEqual([0, 1]);
    expect(() => read(2, 10, 0)).toThrow(refused);
    expect(() => read(2, 1, 0)).toThrow(refused);
  });
});
