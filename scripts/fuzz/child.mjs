// Gives inputs of one kind and tells its parent how far it is: node child.mjs FOLDER KIND SEED FIRST COUNT
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [folder, name, seed, first, count] = process.argv.slice(2);
const load = (file) => import(pathToFileURL(path.join(folder, `${file}.mjs`)).href);
const [{ wireKinds }, { controlKinds }, { fuzz }] = await Promise.all(['wire', 'control', 'core'].map(load));
const kind = [...wireKinds, ...controlKinds].find((one) => one.name === name);
const everyMs = 200;
// Most inputs are refused by an error, and half the time would go into where each was made; with few inputs it is told.
if (Number(count) > 10_000) Error.stackTraceLimit = 0;
let toldAtMs = 0;

const outcome = await fuzz(kind, {
  seed: Number(seed),
  first: Number(first),
  count: Number(count),
  onProgress(next) {
    if (performance.now() - toldAtMs < everyMs) return;
    toldAtMs = performance.now();
    process.send({ next });
  },
});
const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
const cpuSeconds = (userCPUTime + systemCPUTime) / 1e6;
process.send({ outcome, peakBytes: maxRSS * 1024, cpuSeconds }, () => process.disconnect());
