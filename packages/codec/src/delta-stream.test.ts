import { f32Values, type Tensor, tensorOf } from '@cutpoint/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openStream } from './delta-stream.js';

const limits = { maxElements: 1 << 16 };
const spec = 'delta+affine:bits=8+rans';

/** A picture that moves slowly. */
function pictureAt(time: number): Tensor {
  const pixels = Float32Array.from(
    { length: 1600 },
    (_, i) => Math.sin(i / 7) * 20 + Math.sin(i * i + time / 50) * 0.1,
  );
  return tensorOf('f32', [1, 1, 40, 40], pixels);
}

function distance(a: Tensor, b: Tensor): number {
  const other = f32Values(b);
  return Math.max(...f32Values(a).map((x, i) => Math.abs(x - (other[i] ?? Number.NaN))));
}

describe('a stream of differences', () => {
  it('loses less than whole tensors do in as many bytes, and its errors do not add up', () => {
    const sender = openStream(spec);
    const receiver = openStream(spec);
    const sizes: number[] = [];
    for (let time = 0; time < 100; time++) {
      const payload = sender.encode(pictureAt(time));
      sizes.push(payload.length);
      // Whole: 40 in 255 steps. After that: differences of at most about 0.3 in 255 steps.
      const most = time === 0 ? 0.09 : 0.002;
      expect(distance(receiver.decode(payload, limits), pictureAt(time))).toBeLessThan(most);
    }
    expect(Math.max(...sizes)).toBeLessThan((sizes[0] ?? 0) * 1.05);
  });

  it('refuses what builds on a lost tensor until the sender sends it whole', () => {
    const sender = openStream(spec);
    const receiver = openStream(spec);
    receiver.decode(sender.encode(pictureAt(0)), limits);
    sender.encode(pictureAt(1));
    const lost = expect.objectContaining({ code: 'CUT_CODEC_SYNC' });
    expect(() => receiver.decode(sender.encode(pictureAt(2)), limits)).toThrow(lost);
    expect(() => receiver.decode(sender.encode(pictureAt(3)), limits)).toThrow(lost);
    sender.resynchronise();
    expect(distance(receiver.decode(sender.encode(pictureAt(4)), limits), pictureAt(4))).toBeLessThan(0.09);
    expect(distance(receiver.decode(sender.encode(pictureAt(5)), limits), pictureAt(5))).toBeLessThan(0.002);
  });

  it('gives what was sent or an error, whatever is lost, doubled, swapped or damaged', () => {
    const event = fc.constantFrom('deliver', 'lose', 'double', 'damage', 'hold', 'resynchronise');
    fc.assert(
      fc.property(fc.array(event, { maxLength: 20 }), (events) => {
        const sender = openStream(spec);
        const receiver = openStream(spec);
        let held: Uint8Array<ArrayBuffer> | undefined;
        for (const [time, what] of events.entries()) {
          if (what === 'resynchronise') sender.resynchronise();
          const payload = sender.encode(pictureAt(time * 500));
          const arriving = { lose: [], double: [payload, payload], hold: [] }[what as string] ?? [payload];
          if (what === 'damage') payload[time % payload.length] = (payload[time % payload.length] ?? 0) ^ 0x10;
          for (const bytes of held === undefined ? arriving : [...arriving, held]) {
            const of = bytes === held ? undefined : pictureAt(time * 500);
            try {
              const decoded = receiver.decode(bytes, limits);
              if (of !== undefined && what !== 'damage') expect(distance(decoded, of)).toBeLessThan(0.1);
            } catch (thrown) {
              expect(thrown).toMatchObject({ code: expect.stringMatching(/^CUT_CODEC_(SYNC|PAYLOAD)$/) });
            }
          }
          held = what === 'hold' ? payload : undefined;
        }
      }),
      { numRuns: 50 },
    );
  });

  it('sends whole where the shape changes or a difference would not be finite', () => {
    const sender = openStream('delta+f16');
    const receiver = openStream('delta+f16');
    for (const numbers of [
      [1, 2, 3],
      [1, 2],
      [Infinity, 2],
      [Infinity, 3],
      [4, 5],
      [4.5, 6],
    ]) {
      const tensor = tensorOf('f32', [numbers.length], Float32Array.from(numbers));
      expect(receiver.decode(sender.encode(tensor), limits)).toEqual(tensor);
    }
  });

  it('of a spec without delta is its codec', () => {
    const stream = openStream('raw');
    expect(openStream('raw').decode(stream.encode(pictureAt(3)), limits)).toEqual(pictureAt(3));
  });
});
