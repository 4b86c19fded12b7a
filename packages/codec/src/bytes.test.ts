import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteReader, ByteWriter } from './bytes.js';

const parts = fc.array(fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ minLength: 900, maxLength: 5000 })), {
  maxLength: 8,
});

function joined(arrays: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(arrays));
}

describe('a writer', () => {
  it('gives what was written, also when others write at the same time', () => {
    fc.assert(
      fc.property(parts, parts, (first, second) => {
        const outer = new ByteWriter();
        for (const part of first) {
          outer.bytes(part);
          const inner = new ByteWriter();
          for (const part of second) inner.bytes(part);
          const wanted = joined(second);
          expect(inner.length).toBe(wanted.length);
          expect(Buffer.compare(inner.written(), wanted)).toBe(0);
        }
        expect(Buffer.compare(outer.written(), joined(first))).toBe(0);
      }),
    );
  });

  it('is empty once what was written was taken, and leaves that as it is', () => {
    const writer = new ByteWriter();
    writer.varint(300);
    const taken = writer.written(2);
    expect(writer.length).toBe(0);
    writer.u8(9);
    new ByteWriter().bytes(new Uint8Array(100).fill(7));
    expect(writer.written()).toEqual(Uint8Array.of(9));
    expect(writer.written()).toEqual(new Uint8Array(0));
    expect(taken).toEqual(Uint8Array.of(0xac, 2, 0, 0));
  });

  it('puts a checksum of all behind it', () => {
    const writer = new ByteWriter();
    writer.u8(5);
    expect(writer.sealed((bytes) => 0x01020300 + (bytes[0] ?? 0))).toEqual(Uint8Array.of(5, 5, 3, 2, 1));
  });
});

describe('a reader', () => {
  it('reads numbers back and refuses to go past the end', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.nat(0xffff_ffff), (number, word) => {
        const writer = new ByteWriter();
        writer.varint(number);
        const bytes = Uint8Array.from([...writer.written(), ...new Uint8Array(Uint32Array.of(word).buffer)]);
        const reader = new ByteReader(bytes);
        expect(reader.varint(Number.MAX_SAFE_INTEGER)).toBe(number);
        expect(reader.u32()).toBe(word);
        reader.end();
        expect(() => reader.u8()).toThrow(expect.objectContaining({ code: 'CUT_CODEC_PAYLOAD' }));
      }),
    );
  });
});
