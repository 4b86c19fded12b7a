// Measures the tables of docs/codecs.md: every codec against pictures of the input, bytes against accuracy, on the models
// and data in ../shared, and writes them into the document: `npm run codecs:table` (an hour on two idle cores).
// `-- --limit 100` measures on fewer samples, `-- --only tiny_darknet` prints one model's tables and writes nothing.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { calibrate } from '../packages/evaluate/dist/index.js';
import { openCutModel } from '../packages/runtime/dist/index.js';

const shared = fileURLToPath(new URL('../../shared/models/', import.meta.url));
const documentPath = fileURLToPath(new URL('../docs/codecs.md', import.meta.url));
const marks = ['<!-- npm run codecs:table writes what follows -->\n', '<!-- end of what it writes -->\n'];

const normalised = { input: 'input', scale: 1 / 255, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
const resize = { shortSide: 256 };

/** Cuts by index, with the shape that must cross there. */
const models = [
  {
    file: 'mobilenet_v2_f32.onnx',
    data: 'data/imagenet_400',
    preprocessing: { ...normalised, resize },
    cuts: { 0: '224x224x3', 46: '32x28x28', 76: '64x14x14', 120: '160x7x7' },
  },
  {
    file: 'resnet56_cifar10.onnx',
    data: 'data/cifar10_1000_nhwc_u8.bin',
    preprocessing: normalised,
    cuts: { 0: '32x32x3', 144: '64x8x8' },
  },
  {
    file: 'tiny_darknet.onnx',
    data: 'data/imagenet_400',
    unlabelled: 'Its classes have an order of their own, so only agreement counts.',
    preprocessing: { input: 'input', scale: 1 / 255, resize },
    cuts: { 0: '224x224x3', 47: '64x14x14' },
  },
];

const { values } = parseArgs({ options: { limit: { type: 'string' }, only: { type: 'string' } } });
const limit = values.limit === undefined ? undefined : Number(values.limit);
const chosen = models.filter(({ file }) => values.only === undefined || file.startsWith(values.only));
const folder = await mkdtemp(join(tmpdir(), 'cutpoint-codec-table-'));
try {
  const tables = [];
  for (const model of chosen) tables.push(await tablesOf(model));
  await publish(tables.join('\n'));
} finally {
  await rm(folder, { recursive: true });
}

async function publish(text) {
  if (values.only !== undefined) {
    process.stdout.write(text);
    return;
  }
  const document = await readFile(documentPath, 'utf8');
  const [before, after] = [document.split(marks[0])[0], document.split(marks[1])[1]];
  if (after === undefined) throw new Error(`${documentPath} lacks ${marks.join(' or ')}`);
  await writeFile(documentPath, before + marks[0] + text + marks[1] + after);
}

async function tablesOf({ file, data, preprocessing, cuts, unlabelled }) {
  const declared = join(folder, `${file}.json`);
  await writeFile(declared, JSON.stringify(preprocessing));
  const model = await openCutModel(join(shared, 'vision', file), { preprocessing: declared });
  for (const [index, shape] of Object.entries(cuts)) requireShape(model, Number(index), shape);
  const calibration = await calibrate(model, join(shared, data), {
    cuts: Object.keys(cuts).map(Number),
    limit,
    onProgress: (line) => process.stderr.write(`\r\u001b[2K${file}: ${line}`),
  });
  process.stderr.write('\n');
  const { measuredOn, rows } = calibration.dataSet;
  const top1 = calibration.cuts[0].codecs[0].top1Whole;
  const whole = unlabelled ?? `Uncut it is right in ${percent(top1)} %.`;
  const heading = `### ${file}\n\n${measuredOn} of ${rows} samples. ${whole}\n`;
  return [heading, ...calibration.cuts.map((cut) => tableOf(cut, cuts[cut.index], unlabelled === undefined))].join(
    '\n',
  );
}

function requireShape(model, index, shape) {
  const { tensors } = model.list.cuts[index];
  const found = tensors.map((tensor) => tensor.shape.slice(1).join('x')).join(' + ');
  if (found !== shape) throw new Error(`At cut ${index} of ${model.file.name} ${found} crosses, not ${shape}.`);
}

function tableOf({ index, name, bytes, codecs, recommended }, shape, labelled) {
  const place = index === 0 ? 'the input' : `after ${name}`;
  const columns = [
    'codec',
    'bytes',
    'times smaller',
    'agreement, %',
    ...(labelled ? ['drop, points'] : []),
    'divergence',
  ];
  const lines = codecs.map((row) => [
    `\`${row.codec}\`${row.codec === recommended ? ' **recommended**' : row.onFront ? ' *front*' : ''}`,
    Math.round(row.bytesPerSample),
    (bytes / row.bytesPerSample).toFixed(1),
    `${percent(row.agreement)} ± ${percent(row.agreementStderr ?? 0)}`,
    ...(labelled ? [`${percent(row.top1Drop)} ± ${percent(row.top1DropStderr ?? 0)}`] : []),
    row.klDivergence.toPrecision(2),
  ]);
  const rule = columns.map((_, i) => (i === 0 ? '---' : '---:'));
  const text = [columns, rule, ...lines].map((cells) => `| ${cells.join(' | ')} |\n`).join('');
  return `Cut ${index}, ${place}: ${shape}, ${bytes} bytes.\n\n${text}`;
}

function percent(share) {
  return (share * 100).toFixed(1);
}
