import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { openGpu } from '@cutpoint/gpu';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeOnGpu } from '../../../gpu/src/gpus.testing.js';
import { importCheckpoint } from '../checkpoint/import-checkpoint.js';
import { DecoderRange } from '../decode/decoder-range.js';
import { openLanguageModel } from '../decode/language-model.js';
import { openEmbedding } from '../decode/open-embedding.js';
import { partsIn } from '../package/parts-in-folder.js';
import { decodeHidden, encodeHidden } from '../split/hidden-rows.js';
import { wrenFolder, wrenIsHere } from '../text/wren.testing.js';
import { WgpuRange } from './wgpu-range.js';

const at = 3;
const title = `hidden states of wren-7m that cross a cut${wrenIsHere ? '' : ' (../shared/models/lm is missing)'}`;
await describeOnGpu(title, openGpu, () => {
  let made = '';
  let back: WgpuRange;
  let hidden: Float32Array<ArrayBuffer>;
  let text: readonly number[] = [];

  beforeAll(async () => {
    if (!wrenIsHere) return;
    made = await mkdtemp(join(tmpdir(), 'cutpoint-states-'));
    const folder = join(made, 'package');
    await importCheckpoint({ source: wrenFolder, folder, bits: 32, block: null });
    await using model = await openLanguageModel(folder);
    const { manifest, tokenizer } = model;
    const { layers } = manifest.config;
    text = tokenizer.encode(await readFile(join(wrenFolder, 'val.txt'), 'utf8')).slice(0, 64);
    await using embedding = await openEmbedding(folder, manifest);
    const front = await DecoderRange.open(folder, manifest, { from: 0, to: at, head: false });
    hidden = (await front.forward(front.sequence(), await embedding.rows(text))).data;
    await front.dispose();
    back = await WgpuRange.open(
      partsIn(folder),
      manifest,
      { from: at, to: layers, head: true },
      { pause: setImmediate },
    );
  }, 60_000);

  afterAll(async () => {
    await back?.dispose();
    if (made !== '') await rm(made, { recursive: true });
  });

  it.skipIf(!wrenIsHere).each(['raw', 'f16', 'affine:bits=4,per=token', 'ts-tabq:delta=1e-3+rans'])(
    "%s: give the tokens and the perplexity of the CPU's decoding",
    async (codec) => {
      const { hiddenSize, vocabularySize } = back.config;
      const rows = text.length;
      const sent = encodeHidden(codec, hidden.slice(), hiddenSize);
      const before = back.traffic.uploadedBytes;
      using taken = await back.take({ codec, pieces: [{ rows, kept: rows, hidden: sent }] });
      const uploaded = back.traffic.uploadedBytes - before;
      const [first, second] = [back.sequence(), back.sequence()];
      const found = (await taken.forward(first, { logits: 'all' })).data;
      const decoded = new Float32Array(decodeHidden(codec, sent, rows, hiddenSize));
      const { data: due } = await back.forward(second, decoded, { logits: 'all' });
      for (const sequence of [first, second]) back.drop(sequence);
      if (codec !== 'raw') expect(uploaded).toBeLessThan(0.6 * hidden.byteLength);
      expect(likeliest(found, vocabularySize)).toEqual(likeliest(due, vocabularySize));
      const perplexity = perplexityIn(found, vocabularySize, text);
      expect(Math.abs(perplexity / perplexityIn(due, vocabularySize, text) - 1)).toBeLessThan(1e-6);
    },
  );
});

function likeliest(logits: Float32Array, vocabularySize: number): number[] {
  return rowsOf(logits, vocabularySize).map((row) => row.indexOf(Math.max(...row)));
}

function perplexityIn(logits: Float32Array, vocabularySize: number, text: readonly number[]): number {
  let surprise = 0;
  for (const [i, row] of rowsOf(logits, vocabularySize).slice(0, -1).entries()) {
    const most = Math.max(...row);
    const sum = row.reduce((all, logit) => all + Math.exp(logit - most), 0);
    surprise += Math.log(sum) + most - (row[text[i + 1] ?? 0] ?? 0);
  }
  return Math.exp(surprise / (text.length - 1));
}

function rowsOf(logits: Float32Array, size: number): Float32Array[] {
  return Array.from({ length: logits.length / size }, (_, row) => logits.subarray(row * size, (row + 1) * size));
}
