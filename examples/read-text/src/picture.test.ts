import { CutpointError } from '@cutpoint/core';
import { encode } from 'fast-png';
import { describe, expect, it } from 'vitest';
import { pictureOfPng, readPicture } from './picture.js';

const png = (channels: number, values: number[], depth: 8 | 16 = 8) =>
  encode({
    width: values.length / channels,
    height: 1,
    channels,
    depth,
    data: depth === 8 ? Uint8Array.from(values) : Uint16Array.from(values),
  });

function codeOf(action: () => unknown): string | undefined {
  try {
    action();
  } catch (error) {
    return error instanceof CutpointError ? error.code : undefined;
  }
  return undefined;
}

describe('reading a picture', () => {
  it('gives red, green and blue of grey, colour and transparent pictures', () => {
    expect([...pictureOfPng(png(1, [7, 200]), 'grey').data]).toEqual([7, 7, 7, 200, 200, 200]);
    expect([...pictureOfPng(png(3, [1, 2, 3]), 'colour').data]).toEqual([1, 2, 3]);
    expect([...pictureOfPng(png(2, [0, 0, 0, 255]), 'grey and alpha').data]).toEqual([255, 255, 255, 0, 0, 0]);
    expect([...pictureOfPng(png(4, [0, 255, 0, 51]), 'colour and alpha').data]).toEqual([204, 255, 204]);
  });

  it('refuses what is no PNG, a damaged one and one of 16 bits', () => {
    const good = png(1, [1, 2, 3, 4]);
    const damaged = good.slice();
    damaged[45] = (damaged[45] ?? 0) ^ 0xff;
    expect(codeOf(() => pictureOfPng(new Uint8Array(100), 'zeros'))).toBe('CUT_INPUT');
    expect(codeOf(() => pictureOfPng(good.subarray(0, 40), 'short'))).toBe('CUT_INPUT');
    expect(codeOf(() => pictureOfPng(damaged, 'damaged'))).toBe('CUT_INPUT');
    expect(codeOf(() => pictureOfPng(png(1, [1, 2], 16), 'deep'))).toBe('CUT_INPUT');
  });

  it('refuses a giant by its header, before it is decoded', () => {
    const giant = png(1, [1, 2, 3, 4]);
    new DataView(giant.buffer, giant.byteOffset).setUint32(16, 0xffff_ffff);
    expect(() => pictureOfPng(giant, 'giant')).toThrow(/4294967295 pixels/);
  });

  it('says which file is missing', async () => {
    await expect(readPicture('/nowhere/line.png')).rejects.toMatchObject({ code: 'CUT_FILE_NOT_FOUND' });
  });
});
