// Measures what is wanted and not measured yet, cut by cut, so that an interrupted run goes on where it was.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { calibrate } from '../../packages/evaluate/dist/index.js';
import { openCutModel } from '../../packages/runtime/dist/index.js';

/**
 * Adds what is missing to the rows of a model, one cut after the other.
 * @param model one of `models`; `shared` is the folder of its file and data.
 * @param known what was measured of it, or undefined.
 * @param options `limit` of samples; `again`: rows whose codec contains this are measured again; `onProgress`, and
 *   `onCut`, which is told what is known after each cut.
 */
export async function measureModel(model, shared, known, options) {
  const folder = await mkdtemp(join(tmpdir(), 'cutpoint-codec-table-'));
  try {
    const preprocessing = join(folder, 'preprocessing.json');
    await writeFile(preprocessing, JSON.stringify(model.preprocessing));
    const opened = await openCutModel(join(shared, 'vision', model.file), { preprocessing });
    let found = known?.hash === opened.file.hash ? known : { hash: opened.file.hash, cuts: {} };
    for (const cut of model.cuts) {
      requireShape(opened, cut);
      const missing = cut.codecs.filter((codec) => isMissing(found.cuts[cut.index]?.rows[codec], codec, options));
      if (missing.length === 0) continue;
      const { calibration } = await calibrate(opened, join(shared, model.data), {
        cuts: [cut.index],
        codecs: missing,
        limit: options.limit,
        onProgress: (line) => options.onProgress(`${model.file}: ${line}`),
      });
      found = merged(found, cut, missing, calibration);
      await options.onCut(found);
    }
    return found;
  } finally {
    await rm(folder, { recursive: true });
  }
}

function isMissing(row, codec, { limit = Infinity, again }) {
  if (row === undefined) return true;
  // A limit above the data set's size asks for no more than all of it, which is not known here: it does not matter then.
  return (again !== undefined && codec.includes(again)) || (limit !== Infinity && row.n < limit);
}

function requireShape(model, { index, shape }) {
  const { tensors } = model.list.cuts[index];
  const found = tensors.map((tensor) => tensor.shape.slice(1).join('x')).join(' + ');
  if (found !== shape) throw new Error(`At cut ${index} of ${model.file.name} ${found} crosses, not ${shape}.`);
}

function merged(found, { index, shape }, codecs, { dataSet, cuts: [cut] }) {
  const rows = { ...found.cuts[index]?.rows };
  for (const codec of codecs) {
    const row = cut.codecs.find((candidate) => isOf(candidate.codec, codec));
    const refused = cut.refused.find((candidate) => isOf(candidate.codec, codec));
    if (row !== undefined) rows[codec] = figuresOf(row);
    else throw new Error(`${codec} was not measured at cut ${index}: ${refused?.why ?? 'the spec is not canonical'}`);
  }
  const { name, bytes } = cut;
  return { ...found, samples: dataSet.rows, cuts: { ...found.cuts, [index]: { name, shape, bytes, rows } } };
}

/** A transform is measured under the name of its table, which tells the step. */
function isOf(measured, codec) {
  const [, step] = /^transform:step=(.*)$/.exec(codec) ?? [];
  return step === undefined ? measured === codec : measured.includes(`-step${step}-`);
}

/** What the document tells, to six digits. */
function figuresOf({ n, top1Whole, top1Drop, top1DropStderr, agreement, agreementStderr, ...rest }) {
  const { klDivergence, bytesPerSample, accuracyLoss, encodeMs, decodeMs } = rest;
  const figures = { top1Whole, top1Drop, top1DropStderr, agreement, agreementStderr, klDivergence, bytesPerSample };
  const all = Object.entries({ ...figures, accuracyLoss, encodeMs, decodeMs });
  return { n, ...Object.fromEntries(all.map(([key, value]) => [key, value === null ? null : digits(value)])) };
}

function digits(value) {
  return Number(value.toPrecision(6));
}
