import { CutpointError, tensorOf } from '@cutpoint/core';
import fc from 'fast-check';
import { Packr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { encodeFrame } from './frame-encode.js';
import { fixedBytes, padded, writeFixed } from './frame-format.js';
import { type Frame, FrameReader } from './frame-reader.js';

const packr = new Packr({ useRecords: false });
const limits = { maxFrameBytes: 1_000_000, maxHeaderBytes: 10_000, maxTensors: 100 };
const tensors = new Map([
  ['a', tensorOf('f32', [2, 3], Float32Array.from([1, 2, 3, 4, 5, 6]))],
  ['b', tensorOf('u8', [3], Uint8Array.from([7, 8, 9]))],
  ['c', tensorOf('i64', [0], new BigInt64Array(0))],
]);
const frames = [
  encodeFrame('request', 1, { method: 'x', meta: { deep: [{ er: 1 }] } }, tensors),
  encodeFrame('ping', 2),
  encodeFrame('reply', 3, {}, new Map([['d', tensorOf('u8', [20_000], new Uint8Array(20_000).fill(3))]])),
];
const stream = Buffer.concat(frames.flatMap(({ parts }) => parts));

function readAll(chunks: readonly Uint8Array[], owned: boolean): Frame[] {
  const got: Frame[] = [];
  const reader = new FrameReader(limits, (frame) => got.push(frame));
  for (const chunk of chunks) reader.push(chunk, owned);
  return got;
}

/** Frames in a form that is quick to compare. */
const comparable = (list: readonly Frame[]): unknown =>
  list.map(({ type, id, fields, tensors: got, bytes }) => ({
    type,
    id,
    fields,
    bytes,
    tensors: Array.from(got, ([name, { dtype, shape, data }]) => [
      name,
      dtype,
      shape,
      Buffer.from(data).toString('hex'),
    ]),
  }));

describe('FrameReader', () => {
  it('gives the same frames however the stream is chopped, with or without owning the chunks', () => {
    const whole = comparable(readAll([stream], false));
    const cut = fc.array(fc.nat({ max: stream.length }), { maxLength: 12 });
    fc.assert(
      fc.property(cut, fc.boolean(), (cuts, owned) => {
        const places = [0, ...cuts.toSorted((a, b) => a - b), stream.length];
        const chunks = places.slice(1).map((end, i) => new Uint8Array(stream.subarray(places[i], end)));
        expect(comparable(readAll(chunks, owned))).toEqual(whole);
      }),
      { numRuns: 200 },
    );
    expect(
      comparable(
        readAll(
          Array.from(stream, (byte) => Uint8Array.of(byte)),
          true,
        ),
      ),
    ).toEqual(whole);
  });

  it('gives the same frames when payloads are read into their target', () => {
    const large = encodeFrame(
      'reply',
      3,
      {},
      new Map([['d', tensorOf('u8', [100_001], new Uint8Array(100_001).fill(3))]]),
    );
    const bytes = Buffer.concat([...large.parts, ...large.parts]);
    const got: Frame[] = [];
    const reader = new FrameReader(limits, (frame) => got.push(frame));
    for (let at = 0; at < bytes.length; ) {
      const target = reader.target;
      const length = Math.min(target?.length ?? 1_000, 30_000, bytes.length - at);
      if (target === undefined) reader.push(bytes.subarray(at, at + length), false);
      else {
        target.set(bytes.subarray(at, at + length));
        reader.filled(length);
      }
      at += length;
    }
    expect(comparable(got)).toEqual(comparable(readAll([bytes], false)));
    expect(got).toHaveLength(2);
  });

  it('copies nothing of a payload that is alone in a chunk it owns', () => {
    const chunk = new Uint8Array(
      Buffer.concat(encodeFrame('reply', 1, {}, new Map([['b', tensorOf('u8', [9], new Uint8Array(9))]])).parts),
    );
    expect(readAll([chunk], true)[0]?.tensors.get('b')?.data.buffer).toBe(chunk.buffer);
    expect(readAll([chunk], false)[0]?.tensors.get('b')?.data.buffer).not.toBe(chunk.buffer);
    const two = new Uint8Array([...chunk, ...chunk]);
    expect(readAll([two], true)[0]?.tensors.get('b')?.data.buffer).not.toBe(two.buffer);
  });

  it('answers any change to the bytes with frames or a wire error, never with anything else', () => {
    const change = fc.record({ at: fc.nat({ max: stream.length - 1 }), byte: fc.nat({ max: 255 }) });
    const near = fc.record({ at: fc.nat({ max: 200 }), byte: fc.nat({ max: 255 }) });
    fc.assert(
      fc.property(fc.array(fc.oneof(near, change), { minLength: 1, maxLength: 6 }), (changes) => {
        const bytes = Buffer.from(stream);
        for (const { at, byte } of changes) bytes[at] = byte;
        try {
          readAll([bytes], false);
        } catch (error) {
          expect(error).toBeInstanceOf(CutpointError);
          expect((error as CutpointError).code).toMatch(/^CUT_WIRE_/);
        }
      }),
      { numRuns: 5_000 },
    );
  });

  it.each([
    ['codec', ['x', 'u8', [1], 'zip', 1]],
    ['element type', ['x', 'u9', [1], 'raw', 1]],
    ['length', ['x', 'f32', [2], 'raw', 4]],
    ['shape', ['x', 'u8', [-1], 'raw', 1]],
    ['overflowing shape', ['x', 'f64', [2 ** 32, 2 ** 32], 'raw', 0]],
    ['fractional shape', ['x', 'u8', [0.5, 2], 'raw', 1]],
    ['rank', ['x', 'u8', new Array(65).fill(1), 'raw', 1]],
    ['name', [7, 'u8', [1], 'raw', 1]],
  ])('refuses a tensor with a wrong %s', (_, entry) => {
    expect(() => readAll([frameWith([{}, [entry]], 8)], false)).toThrow(
      expect.objectContaining({ code: 'CUT_WIRE_MALFORMED' }),
    );
  });

  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY])('refuses a frame whose time is %s', (timeMs) => {
    const frame = Buffer.concat(encodeFrame('ping', 1, {}, new Map(), { timeMs }).parts);
    expect(() => readAll([frame], false)).toThrow(expect.objectContaining({ code: 'CUT_WIRE_MALFORMED' }));
  });

  it('refuses two tensors of one name, payloads that do not add up, and headers that are no header', () => {
    const one = ['x', 'u8', [8], 'raw', 8];
    const malformed = expect.objectContaining({ code: 'CUT_WIRE_MALFORMED' });
    expect(readAll([frameWith([{}, [one]], 8)], false)).toHaveLength(1);
    expect(() => readAll([frameWith([{}, [one, one]], 16)], false)).toThrow(malformed);
    expect(() => readAll([frameWith([{}, [one]], 16)], false)).toThrow(malformed);
    expect(() => readAll([frameWith([{}], 0)], false)).toThrow(malformed);
    expect(() => readAll([frameWith('text', 0)], false)).toThrow(malformed);
    const many = Array.from({ length: 101 }, (_, i) => [`${i}`, 'u8', [0], 'raw', 0]);
    expect(() => readAll([frameWith([{}, many], 0)], false)).toThrow(
      expect.objectContaining({ code: 'CUT_WIRE_TOO_LARGE' }),
    );
  });
});

/** A frame with any header and so many payload bytes. */
function frameWith(header: unknown, payloadBytes: number): Uint8Array {
  const packed = packr.pack(header);
  const start = Buffer.alloc(fixedBytes);
  writeFixed(start, { type: 'request', id: 1, headerBytes: packed.length, payloadBytes, timeMs: 0 });
  return Buffer.concat([start, packed, Buffer.alloc(padded(packed.length) - packed.length + payloadBytes)]);
}
