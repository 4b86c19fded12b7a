import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { importCheckpoint } from '../checkpoint/import-checkpoint.js';
import { openLanguageModel } from '../decode/language-model.js';
import { perplexityOf } from '../evaluate/perplexity.js';
import type { BlockBits } from '../package/package-manifest.js';
import { wrenFolder, wrenIsHere } from '../text/wren.testing.js';
import { layerWidthsFor } from './layer-widths.js';

const title = `widths for the layers of wren-7m${wrenIsHere ? '' : ' (../shared/models/lm is missing)'}`;
describe.skipIf(!wrenIsHere)(title, () => {
  let folder = '';
  let text = '';
  const request = () => ({ source: wrenFolder, meanBits: 3, block: 128, threads: 1, workFolder: folder }) as const;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cutpoint-widths-'));
    text = await readFile(join(wrenFolder, 'val.txt'), 'utf8');
  });

  afterAll(() => rm(folder, { recursive: true }));

  async function perplexity(layers: readonly BlockBits[]): Promise<number> {
    const made = join(folder, layers.join(''));
    await importCheckpoint({ source: wrenFolder, folder: made, bits: 4, block: null, layerBits: { layers } });
    await using model = await openLanguageModel(made);
    const tokens = model.tokenizer.encode(text.slice(20_000, 30_000));
    return (await perplexityOf(model.decoder, tokens, { context: 256 })).perplexity;
  }

  it('lose less than others of the same mean', { timeout: 300_000 }, async () => {
    const { layers, meanBits, measured } = await layerWidthsFor({
      ...request(),
      method: 'baq',
      text: text.slice(0, 10_000),
    });
    expect(await readdir(folder)).toEqual([]);
    expect(meanBits).toBe(3);
    for (const [at2 = 0, at4 = 0, at8 = 0] of measured) expect(at2 > 5 * at4 && at4 > 5 * at8).toBe(true);
    const found = await perplexity(layers);
    // 53.1, 55.1 and 54.9 on twice the text.
    expect(found).toBeLessThan(0.99 * (await perplexity([4, 4, 4, 4, 2, 2, 2, 2])));
    expect(found).toBeLessThan(0.99 * (await perplexity([2, 4, 2, 4, 2, 4, 2, 4])));
  });

  it('need a text unless they come of the weights alone, and a mean that layers can have', async () => {
    await expect(layerWidthsFor({ ...request(), method: 'lim' })).rejects.toMatchObject({ code: 'CUT_USAGE' });
    await expect(layerWidthsFor({ ...request(), method: 'zd', meanBits: 1 })).rejects.toMatchObject({
      code: 'CUT_USAGE',
    });
    const nowhere = layerWidthsFor({ ...request(), method: 'lim', text, workFolder: join(folder, 'nowhere') });
    await expect(nowhere).rejects.toMatchObject({ code: 'CUT_FILE_WRITE' });
    const { layers } = await layerWidthsFor({ ...request(), method: 'zd' });
    expect(layers.filter((bits) => bits === 4)).toHaveLength(4);
  });
});
