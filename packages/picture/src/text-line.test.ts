import { f32Values } from '@cutpoint/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Picture } from './picture.js';
import { textLineInput } from './text-line.js';

function filled(width: number, height: number, pixel: readonly [number, number, number]): Picture {
  return {
    width,
    height,
    channels: 3,
    data: Uint8Array.from({ length: width * height * 3 }, (_, at) => pixel[at % 3] ?? 0),
  };
}

describe('the model input of a picture', () => {
  it('holds blue, green and red planes scaled to -1 ... 1, padded with 0 to a width of 320', () => {
    const input = textLineInput(filled(24, 24, [255, 0, 51]));
    const values = f32Values(input);
    expect(input.shape).toEqual([1, 3, 48, 320]);
    const plane = 48 * 320;
    for (const [channel, expected] of [-0.6, -1, 1].entries()) {
      expect(values[channel * plane]).toBeCloseTo(expected, 6);
      expect(values[channel * plane + 47 * 320 + 47]).toBeCloseTo(expected, 6);
      expect(values[channel * plane + 48]).toBe(0);
    }
  });

  it('keeps a picture of 48 pixels of height as it is', () => {
    const picture = filled(320, 48, [0, 0, 0]);
    picture.data.forEach((_, at) => {
      picture.data[at] = (at * 7) % 256;
    });
    const values = f32Values(textLineInput(picture));
    const red = values.subarray(2 * 320 * 48);
    const differences = red.map((value, pixel) => value - ((picture.data[pixel * 3] ?? 0) / 255 - 0.5) / 0.5);
    expect(Math.max(...differences.map(Math.abs))).toBeLessThan(1e-5);
  });

  it('interpolates between the centres of neighbouring pixels', () => {
    const twoColumns: Picture = { width: 2, height: 1, channels: 3, data: Uint8Array.from([0, 0, 0, 255, 255, 255]) };
    const values = f32Values(textLineInput(twoColumns));
    // 2 columns become 96: the first 24 lie left of the first centre, then the value rises by 1/48 of the range.
    expect([values[0], values[23]]).toEqual([-1, -1]);
    expect(values[24]).toBeCloseTo(-1 + 2 * (0.5 / 48), 5);
    expect(values[47]).toBeCloseTo(-1 + 2 * (23.5 / 48), 5);
    expect(values[72]).toBe(1);
  });

  it('keeps the proportions and stays within -1 ... 1 for any picture that is not too wide', () => {
    const sizes = fc.record({ width: fc.integer({ min: 1, max: 300 }), height: fc.integer({ min: 5, max: 90 }) });
    fc.assert(
      fc.property(sizes, fc.nat(255), ({ width, height }, grey) => {
        const { shape, ...rest } = textLineInput(filled(width, height, [grey, grey, grey]));
        expect(shape).toEqual([1, 3, 48, Math.max(320, Math.ceil((48 * width) / height))]);
        expect(f32Values({ shape, ...rest }).every((value) => Math.abs(value) <= 1)).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  it('refuses a picture that is too wide for one line', () => {
    expect(() => textLineInput(filled(700, 10, [0, 0, 0]))).toThrow(/too wide/);
  });
});
