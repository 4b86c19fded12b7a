// What the transform codec reaches: bytes, agreement with the uncut model, top-1, and the time it takes.
//   node packages/codec/bench/transform.mjs [CASE...] [--step S] [--plain] [--typescript]
// Calibrates on every 4th image and evaluates on the others; every byte of a payload is counted, tables are not, as they
// ship with the segment. --step overrides the step of the cases; --plain measures without cosine transform; --typescript
// does so with the kernels in plain TypeScript. Activations are kept in the temporary directory. Needs ../shared/models
// and `sharp`.
import { parseArgs } from 'node:util';
import { median, tensorOf } from '@cutpoint/core';
import {
  calibrateTransform,
  openKernels,
  printTransformTable,
  transformCodec,
  typescriptKernels,
} from '../dist/index.js';
import { backOf } from './activations.mjs';
import { cases, loadSet } from './cases.mjs';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    step: { type: 'string' },
    plain: { type: 'boolean', default: false },
    typescript: { type: 'boolean', default: false },
  },
});
const kernels = options.typescript ? typescriptKernels : openKernels();
const say = (line) => process.stdout.write(`${line}\n`);

say(
  'case                    step     bytes       se  target  agree %    se  target  top-1 uncut/cut      n   encode ms (least)   decode ms (least)  table KB  calib s',
);
for (const one of cases.filter(({ name }) => positionals.length === 0 || positionals.includes(name))) {
  const set = await loadSet(one.set);
  say(await measured(one, set, Number(options.step ?? one.step)));
}
process.exit(0);

async function measured({ name, cut, targetBytes, targetAgreement }, set, relativeStep) {
  const { data, shape, name: tensor } = set.cuts.find(({ index }) => index === cut);
  const [, channels, height, width] = shape;
  const began = performance.now();
  const table = calibrateTransform(() => set.calibration.map((i) => data[i]), {
    modelHash: set.modelHash,
    cut,
    tensor,
    geometry: { kind: 'map', channels, height, width },
    relativeStep,
    frequencies: !options.plain,
  });
  const calibrationS = (performance.now() - began) / 1000;
  const codec = transformCodec(name, table, kernels);
  const back = await backOf(set.model, cut);
  const seen = { bytes: [], agrees: [], right: [], rightUncut: [], encodeMs: [], decodeMs: [] };
  for (const i of set.evaluation) {
    const tensorIn = tensorOf('f32', shape, data[i]);
    const start = performance.now();
    const payload = codec.encode(tensorIn);
    const middle = performance.now();
    const decoded = codec.decode(payload, { maxElements: data[i].length });
    const end = performance.now();
    const answer = best(
      await back.answer(new Float32Array(decoded.data.buffer, decoded.data.byteOffset, data[i].length)),
    );
    const uncut = best(set.answers[i]);
    seen.bytes.push(payload.length);
    seen.agrees.push(answer === uncut ? 100 : 0);
    if (set.labels !== undefined) {
      seen.right.push(answer === set.labels[i] ? 100 : 0);
      seen.rightUncut.push(uncut === set.labels[i] ? 100 : 0);
    }
    seen.encodeMs.push(middle - start);
    seen.decodeMs.push(end - middle);
  }
  await back.close();
  const top = set.labels === undefined ? '-' : `${mean(seen.rightUncut).toFixed(1)} / ${mean(seen.right).toFixed(1)}`;
  return [
    name.padEnd(22),
    relativeStep.toFixed(3).padStart(6),
    mean(seen.bytes).toFixed(0).padStart(9),
    error(seen.bytes).toFixed(0).padStart(8),
    String(targetBytes ?? '-').padStart(7),
    mean(seen.agrees).toFixed(2).padStart(8),
    error(seen.agrees).toFixed(2).padStart(5),
    String(targetAgreement ?? '-').padStart(7),
    top.padStart(16),
    String(seen.bytes.length).padStart(6),
    `${median(seen.encodeMs).toFixed(2)} (${Math.min(...seen.encodeMs).toFixed(2)})`.padStart(19),
    `${median(seen.decodeMs).toFixed(2)} (${Math.min(...seen.decodeMs).toFixed(2)})`.padStart(19),
    (printTransformTable(table).length / 1000).toFixed(0).padStart(9),
    calibrationS.toFixed(1).padStart(8),
  ].join(' ');
}

function best(scores) {
  let found = 0;
  for (let i = 1; i < scores.length; i++) if (scores[i] > scores[found]) found = i;
  return found;
}

function mean(list) {
  return list.reduce((sum, value) => sum + value, 0) / list.length;
}

/** Standard error of the mean. */
function error(list) {
  const centre = mean(list);
  return Math.sqrt(list.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (list.length - 1) / list.length);
}
