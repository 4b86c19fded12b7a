import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openLanguageModel } from '../decode/language-model.js';
import { perplexityOf } from '../evaluate/perplexity.js';
import { wrenFolder, wrenIsHere } from '../text/wren.testing.js';
import { type ImportRequest, importCheckpoint } from './import-checkpoint.js';

const title = `wren-7m in 2 bits${wrenIsHere ? '' : ' (../shared/models/lm is missing)'}`;
describe.skipIf(!wrenIsHere)(title, () => {
  let folder = '';

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cutpoint-calibrated-'));
  });

  afterAll(() => rm(folder, { recursive: true }));

  async function perplexity(name: string, text: string, calibration?: ImportRequest['calibration']): Promise<number> {
    const made = join(folder, name);
    await importCheckpoint({ source: wrenFolder, folder: made, bits: 2, block: 128, calibration });
    await using model = await openLanguageModel(made);
    return (await perplexityOf(model.decoder, model.tokenizer.encode(text), { context: 256 })).perplexity;
  }

  it('is less surprised by a text where rounding was fitted to another', { timeout: 600_000 }, async () => {
    const text = await readFile(join(wrenFolder, 'val.txt'), 'utf8');
    const judged = text.slice(20_000, 40_000);
    const nearest = await perplexity('rtn', judged);
    const fitted = await perplexity('awq', judged, { text: text.slice(0, 20_000), tokens: 1024 });
    // 58.08 and 56.4, where the floats have 51.46.
    expect(fitted).toBeLessThan(nearest * 0.98);
    expect((await readdir(folder)).sort()).toEqual(['awq', 'rtn']);
  });
});
