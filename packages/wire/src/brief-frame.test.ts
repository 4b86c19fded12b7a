import { type NamedTensors, tensorOf } from '@cutpoint/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { briefHeadBytes, mostBriefNumber } from './brief-frame.js';
import { encodeFrame } from './frame-encode.js';
import { type Frame, FrameReader } from './frame-reader.js';

const limits = { maxFrameBytes: 1_000_000, maxHeaderBytes: 10_000, maxTensors: 100 };
const listOf = (bytes: Uint8Array<ArrayBuffer>, name = ''): NamedTensors =>
  new Map([[name, tensorOf('u8', [bytes.length], bytes)]]);
const three = listOf(Uint8Array.of(1, 2, 3));

function read(chunks: readonly Uint8Array[], owned = false, of = limits): Frame[] {
  const frames: Frame[] = [];
  const reader = new FrameReader(of, (frame) => frames.push(frame));
  for (const chunk of chunks) reader.push(chunk.slice(), owned);
  return frames;
}

const said = (frames: readonly Frame[]) =>
  frames.map(({ type, id, fields, tensors, bytes }) => ({ type, id, fields, tensors: [...tensors], bytes }));

describe('a frame that carries bytes and nothing else', () => {
  it('takes ten bytes and its method, and says what a longer one says', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('request' as const, 'reply' as const),
        fc.nat(mostBriefNumber),
        fc.uint8Array({ maxLength: 300 }),
        fc.double({ min: 0, max: 1e9, noNaN: true }),
        (type, id, bytes, timeMs) => {
          const fields = type === 'request' ? { method: 'decode' } : {};
          const tensors = listOf(new Uint8Array(bytes));
          const frame = encodeFrame(type, id, fields, tensors, { timeMs, mayBeBrief: true });
          expect(frame.bytes).toBe(briefHeadBytes + (type === 'request' ? 6 : 0) + bytes.length);
          const [found] = read(frame.parts);
          expect(found).toMatchObject({ type, id, fields, bytes: frame.bytes, timeMs: Math.fround(timeMs) });
          expect(found?.tensors).toEqual(tensors);
        },
      ),
    );
  });

  it('is read however the stream is chopped, between frames of the other kind', () => {
    const frames = [
      encodeFrame('request', 1, { method: 'a' }, three, { mayBeBrief: true }),
      encodeFrame('request', 2, { method: 'a', meta: { b: 1 } }, three, { mayBeBrief: true }),
      encodeFrame('reply', 3, {}, listOf(new Uint8Array(0)), { mayBeBrief: true }),
      encodeFrame('ping', 4),
      encodeFrame('reply', 5, {}, listOf(new Uint8Array(40).fill(9)), { mayBeBrief: true }),
    ];
    const stream = Buffer.concat(frames.flatMap(({ parts }) => parts));
    const whole = said(read([stream]));
    expect(whole.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5]);
    fc.assert(
      fc.property(fc.array(fc.nat(stream.length), { maxLength: 8 }), fc.boolean(), (cuts, owned) => {
        const places = [0, ...cuts.toSorted((a, b) => a - b), stream.length];
        const chunks = places.slice(1).map((end, i) => stream.subarray(places[i], end));
        expect(said(read(chunks, owned))).toEqual(whole);
      }),
    );
  });

  it.each<[string, ...Parameters<typeof encodeFrame>]>([
    ['meta data', 'request', 1, { method: 'a', meta: {} }, three],
    ['a name', 'request', 1, { method: 'a' }, listOf(Uint8Array.of(1), 'x')],
    ['a method that is no plain text', 'request', 1, { method: 'ä' }, three],
    ['a number above two bytes', 'request', mostBriefNumber + 1, { method: 'a' }, three],
    ['more bytes than two bytes can say', 'reply', 1, {}, listOf(new Uint8Array(mostBriefNumber + 1))],
    ['another element type', 'reply', 1, {}, new Map([['', tensorOf('f32', [1], Float32Array.of(1))]])],
    ['another rank', 'reply', 1, {}, new Map([['', tensorOf('u8', [1, 1], Uint8Array.of(1))]])],
    ['two tensors', 'reply', 1, {}, new Map([...three, ...listOf(Uint8Array.of(1), 'x')])],
    ['no tensor', 'reply', 1, {}, new Map()],
  ])('is a longer one with %s', (_, type, id, fields, tensors) => {
    const frame = encodeFrame(type, id, fields, tensors, { mayBeBrief: true });
    expect(frame).toEqual(encodeFrame(type, id, fields, tensors));
    expect(read(frame.parts)[0]?.tensors).toEqual(tensors);
  });

  it('is refused from a stranger, with an impossible time, and without a method', () => {
    const [bytes = Buffer.alloc(0)] = encodeFrame('request', 1, { method: 'a' }, three, { mayBeBrief: true }).parts;
    const refused = (code: string) => expect.objectContaining({ code });
    expect(() => read([bytes], false, { ...limits, maxTensors: 0 })).toThrow(refused('CUT_WIRE_TOO_LARGE'));
    expect(() => read([bytes], false, { ...limits, maxFrameBytes: 13 })).toThrow(refused('CUT_WIRE_TOO_LARGE'));
    for (const time of [-1, Number.NaN, Infinity]) {
      const odd = Buffer.from(bytes);
      odd.writeFloatLE(time, 6);
      expect(() => read([odd])).toThrow(refused('CUT_WIRE_MALFORMED'));
    }
    const nameless = Buffer.from(bytes);
    nameless[1] = 0;
    expect(() => read([nameless])).toThrow(refused('CUT_WIRE_MALFORMED'));
  });
});
