import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { randomFloats, temporaryPackage } from '../decode/random-package.testing.js';
import { smallConfig } from '../package/small-decoder.testing.js';
import { codesFor, codesOfSetting, parseAskedWidths, parseWidths } from './widths-asked.js';

const usage = (message: RegExp) =>
  expect.objectContaining({ code: 'CUT_USAGE', message: expect.stringMatching(message) });

describe('widths', () => {
  it('are one for all layers, two at a cut, or those of a file', async () => {
    await using made = await temporaryPackage(randomFloats(smallConfig, 4));
    const folder = await mkdtemp(join(tmpdir(), 'cutpoint-widths-'));
    try {
      const file = join(folder, 'bits.json');
      await writeFile(file, JSON.stringify({ layers: [8, 4], head: 8 }));
      const codesOf = (text: string) => codesFor(made.folder, parseAskedWidths(text));
      expect(await codesOf('w3a8')).toEqual({ weightBits: 3, activationBits: 8 });
      expect(await codesOf('w2:1:4a6')).toEqual({ weightBits: [2, 4], activationBits: 6 });
      expect(await codesOf(file)).toEqual({ weightBits: [8, 4], activationBits: 8 });
      await expect(codesOf(join(folder, 'none.json'))).rejects.toMatchObject({ code: 'CUT_FILE_NOT_FOUND' });
      await expect(codesOf('w2:9:4a8')).rejects.toMatchObject({ code: 'CUT_USAGE' });
      const settings = { provider: 'wgpu', bits: 'w3a8' };
      expect(await codesOfSetting(made.folder, settings)).toEqual(await codesOf('w3a8'));
      expect(await codesOfSetting(made.folder, { provider: 'cpu' })).toBeUndefined();
      const onCpu = codesOfSetting(made.folder, { provider: 'cpu', bits: 'w3a8' });
      await expect(onCpu).rejects.toEqual(usage(/give --provider wgpu/));
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it.each(['', 'w9a8', 'w4', '4a8', 'w4a0', 'w4a88'])('are refused as "%s"', (text) => {
    expect(() => parseWidths(text)).toThrow(usage(/as w4a8/));
    expect(() => parseAskedWidths(text)).toThrow(usage(/as w4a8/));
  });

  it.each(['w3:8:4a8', 'w2:8:5a8', 'w2:8:4a9'])('before and behind a cut are refused as "%s"', (text) => {
    expect(() => parseAskedWidths(text)).toThrow(usage(/names no widths/));
  });
});
