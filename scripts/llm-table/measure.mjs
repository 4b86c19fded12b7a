import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  BackSegment,
  FrontSegment,
  importCheckpoint,
  leakAtCuts,
  measureCrossings,
  measureSplits,
  openHiddenCodec,
  openLanguageModel,
  ownTexts,
  passFrameBytes,
  readPackage,
  stepOf,
  tableOfHidden,
  widthsOf,
} from '@cutpoint/llm';

const context = 256;
/** Compared at one cut on the whole text. */
const middle = 4;
const compared = [
  'raw',
  'affine:bits=8,per=token',
  'affine:bits=4,per=token',
  'affine:bits=4,per=token+rans',
  'affine:bits=3,per=token',
  'ts-tabq:delta=0.01,rho=0.001',
  'transform:step=0.3',
  'transform:step=0.35',
  'transform:step=0.4',
  'transform:step=0.45',
  'transform:step=0.5',
];
/** Over cuts and widths, on its beginning. */
const cuts = [2, 4, 6];
const widths = [32, 8, 4, 2];
const codecs = ['f16', 'affine:bits=4,per=token'];

/**
 * Imports the model in all widths into a folder, and measures everything that the document tells.
 * @param part gives a part of it that is done, or measures it: see `openParts`.
 */
export async function measureLosses({ source, folder, gridTokens, part, onProgress }) {
  const packages = [];
  for (const bits of widths) {
    onProgress(`imports ${bits} bits`);
    const made = join(folder, String(bits));
    await importCheckpoint({ source, folder: made, bits, block: null });
    packages.push(await readPackage(made));
  }
  const [whole] = packages;
  const { tokens, texts } = await part('texts', () => textsOf(whole, source, onProgress));
  const atMiddle = await part('codecs', () => codecsAt(whole, texts, tokens, onProgress));
  const leaks = await part('leaks', () => leaksOf(whole, texts, tokens, onProgress));
  const grid = { splits: [] };
  for (const cut of cuts) {
    const asked = { packages, cut, tokens: tokens.slice(0, gridTokens), onProgress };
    const { splits, scoredTokens } = await part(`cut ${cut}`, () => splitsAt(asked));
    // The whole model is measured with each cut.
    grid.splits.push(...splits.filter(({ codec }) => codec !== null || cut === cuts[0]));
    grid.scoredTokens = scoredTokens;
  }
  return { model: 'wren-7m', text: 'val.txt', context, middle, frameBytes: passFrameBytes(), atMiddle, leaks, grid };
}

async function splitsAt({ packages, cut, tokens, onProgress }) {
  const { splits, scoredTokens } = await measureSplits({
    packages: widthsOf(packages),
    cuts: [cut],
    codecs,
    caches: ['f32'],
    private: false,
    tokens,
    context,
    calibrationTexts: async () => [],
    threads: 1,
    onProgress,
  });
  return { splits, scoredTokens };
}

async function textsOf({ folder }, source, onProgress) {
  const text = await readFile(join(source, 'val.txt'), 'utf8');
  const model = await openLanguageModel(folder);
  try {
    const onText = (done, total) => onProgress(`writes a text to calibrate with: ${done} of ${total}`);
    const texts = await ownTexts(model.decoder, { tokens: 8192, context, onProgress: onText });
    return { tokens: model.tokenizer.encode(text), texts };
  } finally {
    await model[Symbol.asyncDispose]();
  }
}

async function codecsAt(package_, texts, tokens, onProgress) {
  const front = await FrontSegment.open(package_, { cut: middle });
  const back = await BackSegment.open(package_, { cut: middle });
  try {
    const hidden = [];
    for (const text of texts) hidden.push(await front.hiddenOf(text));
    const ways = compared.map((spec) => ({ codec: opened(package_, spec, hidden) }));
    const found = await measureCrossings(front, [back], ways, tokens, {
      context,
      onProgress: (done, total) => onProgress(`cut ${middle}, ${compared.length} codecs: ${done} of ${total} tokens`),
    });
    return found.map(({ way, perplexity, up, tokens: scored }) => ({
      codec: compared[way],
      perplexity,
      scored,
      ...up,
    }));
  } finally {
    await front[Symbol.asyncDispose]();
    await back[Symbol.asyncDispose]();
  }
}

function opened({ manifest }, spec, hidden) {
  const step = stepOf(spec);
  const { hiddenSize } = manifest.config;
  if (step === undefined) return openHiddenCodec(spec, hiddenSize);
  const { name, table } = tableOfHidden(manifest, middle, hidden, step);
  return openHiddenCodec(`transform:table=${name}`, hiddenSize, new Map([[name, table]]));
}

async function leaksOf(package_, texts, tokens, onProgress) {
  const leaks = [];
  for (const codec of ['raw', 'affine:bits=4,per=token']) {
    onProgress(`reads tokens from hidden states under ${codec}`);
    const found = await leakAtCuts({ package: package_, codec, tokens, context, calibrationTexts: async () => texts });
    leaks.push({ codec, cuts: found });
  }
  return leaks;
}
