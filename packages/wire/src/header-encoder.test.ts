import { type DType, type NamedTensors, tensorOf } from '@cutpoint/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeFrame } from './frame-encode.js';
import { type Frame, FrameReader } from './frame-reader.js';
import { HeaderEncoder } from './header-encoder.js';
import { defaultLimits } from './limits.js';

/** Tensors and fields that differ in one thing at a time, so that a mistaken repetition shows. */
const anyTensors = fc
  .array(
    fc.record({
      name: fc.constantFrom('a', 'b'),
      dtype: fc.constantFrom<DType>('u8', 'i8'),
      shape: fc.constantFrom([4], [2, 2], [8]),
      first: fc.nat({ max: 255 }),
    }),
    { maxLength: 2 },
  )
  .map((list): NamedTensors => {
    const named = list.map(({ name, dtype, shape, first }) => {
      const data = new Uint8Array(shape.reduce((a, b) => a * b, 1)).fill(first);
      return [name, tensorOf(dtype, shape, data)] as const;
    });
    return new Map(named);
  });
const lasting = Object.freeze({ list: Object.freeze([1, 2]) });
const anyFields = fc.constantFrom<Record<string, unknown>>(
  {},
  { method: 'x' },
  { method: 'y' },
  { method: 'x', meta: { n: 1 } },
  { method: 'x', meta: { n: 2 } },
  { meta: {} },
  { method: 'x', meta: lasting },
  { method: 'y', meta: lasting },
);
const anyTime = fc.constantFrom(0, 0.25, 1e9);

function read(stream: Uint8Array): Frame[] {
  const frames: Frame[] = [];
  new FrameReader(defaultLimits, (frame) => frames.push(frame)).push(stream, false);
  return frames;
}

const meaning = ({ fields, tensors, timeMs }: Frame) => ({ fields, tensors: [...tensors], timeMs });

describe('frames whose headers repeat', () => {
  it('mean in a stream what each means alone', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(anyFields, anyTensors, anyTime), { maxLength: 12 }), (list) => {
        const headers = new HeaderEncoder();
        const together = list.map(([fields, tensors, timeMs], id) =>
          Buffer.concat(encodeFrame('request', id, fields, tensors, { timeMs, headers }).parts),
        );
        const alone = list.map(([fields, tensors, timeMs], id) =>
          Buffer.concat(encodeFrame('request', id, fields, tensors, { timeMs }).parts),
        );
        expect(read(Buffer.concat(together)).map(meaning)).toEqual(alone.flatMap(read).map(meaning));
      }),
      { numRuns: 2_000 },
    );
  });

  it('are not taken for those whose meta data were changed meanwhile', () => {
    const headers = new HeaderEncoder();
    const meta = { n: 1 };
    const first = Buffer.concat(encodeFrame('request', 1, { method: 'x', meta }, new Map(), { headers }).parts);
    meta.n = 2;
    const second = Buffer.concat(encodeFrame('request', 2, { method: 'x', meta }, new Map(), { headers }).parts);
    expect(read(Buffer.concat([first, second])).map(({ fields }) => fields.meta)).toEqual([{ n: 1 }, { n: 2 }]);
  });

  it('does not trust a tensor of the same shape whose data is shorter', () => {
    const headers = new HeaderEncoder();
    const good = new Map([['a', tensorOf('u8', [4], new Uint8Array(4))]]);
    const bad: NamedTensors = new Map([['a', { dtype: 'u8', shape: [4], data: new Uint8Array(3) }]]);
    headers.encode({}, good);
    expect(() => headers.encode({}, bad)).toThrow(expect.objectContaining({ code: 'CUT_INPUT' }));
  });
});
