// How far fitted times are from measured ones, on cuts that the fit has not seen.
// node packages/profile/bench/fit-error.mjs MODEL [--dim name=value]... [--cuts 20] [--seed 1]
// Both sides are relative to the reference segment (the whole model), so that drift of the machine cancels.
import { parseArgs } from 'node:util';
import { openCutModel } from '@cutpoint/runtime';
import { profileModel } from '../dist/index.js';
import { cutCosts } from '../dist/model/cut-costs.js';
import { measureCuts } from '../dist/model/measure-cuts.js';
import { summarise } from '../dist/model/summarise.js';
import { errorPct, median, quantile } from '../dist/statistics.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    dim: { type: 'string', multiple: true, default: [] },
    cuts: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
  },
});
const [path] = positionals;
if (path === undefined) throw new Error('Name a model.');
const dims = new Map(values.dim.map((text) => text.split('=')).map(([name, size]) => [name, Number(size)]));
const say = (line) => process.stdout.write(`${line}\n`);

const began = performance.now();
const profile = await profileModel(path, { dims, cache: false, onNote: () => {} });
const seconds = (performance.now() - began) / 1000;
const seen = new Set(profile.fit.measuredCuts);
const unseen = profile.cuts.map(({ index }) => index).filter((index) => !seen.has(index));
const cuts = drawn(unseen, Number(values.cuts), Number(values.seed)).sort((a, b) => a - b);

const model = await openCutModel(path, { dims });
const last = profile.cuts.length - 1;
const options = {
  threads: 1,
  provider: 'cpu',
  dims,
  cuts,
  passes: 2,
  budgetMs: 4_000 * cuts.length,
  onProgress: () => {},
};
const direct = summarise(cutCosts(model.list), cuts, await measureCuts(model, options), undefined);

say(
  `${profile.model.name}: ${last + 1} cuts, ${seen.size} measured in ${seconds.toFixed(0)} s, ${cuts.length} of the others tried`,
);
say('cut  bytes      front ms  fitted  error   back ms  fitted  error');
const errors = { front: [], back: [] };
for (const cut of cuts) {
  const cells = ['front', 'back'].map((side) => {
    const truth = direct[`${side}Ms`][cut] / direct.wholeMs;
    const fitted = profile[`${side}Ms`][cut] / profile.wholeMs;
    const error = errorPct(fitted, truth);
    errors[side].push(error);
    const ms = (share) => (share * profile.wholeMs).toFixed(2);
    return `${ms(truth).padStart(8)}  ${ms(fitted).padStart(6)}  ${error.toFixed(1).padStart(4)} %`;
  });
  say(`${String(cut).padStart(3)}  ${String(profile.cuts[cut].bytes).padStart(9)}  ${cells.join('  ')}`);
}
for (const [name, list] of [...Object.entries(errors), ['both', [...errors.front, ...errors.back]]]) {
  say(`${name.padEnd(5)}  median ${median(list).toFixed(1)} %  p90 ${quantile(list, 0.9).toFixed(1)} %`);
}
say('from  to   measured ms   fitted  error   by difference  error');
const between = { fitted: [], difference: [] };
for (const { from, to, medianMs } of direct.measured.filter((one) => one.from > 0 && one.to < last)) {
  const { workMs, enterMs, leaveMs } = profile.between;
  const truth = (medianMs / direct.wholeMs) * profile.wholeMs;
  const fitted = workMs[to] - workMs[from] + enterMs[from] + leaveMs[to];
  const difference = profile.frontMs[to] + profile.backMs[from] - profile.wholeMs;
  between.fitted.push(errorPct(fitted, truth));
  between.difference.push(errorPct(difference, truth));
  const cells = [fitted, difference].map(
    (ms) => `${ms.toFixed(2).padStart(6)}  ${errorPct(ms, truth).toFixed(1).padStart(5)} %`,
  );
  say(`${String(from).padStart(4)}  ${String(to).padStart(3)}  ${truth.toFixed(2).padStart(10)}  ${cells.join('   ')}`);
}
for (const [name, list] of Object.entries(between)) {
  say(`between, ${name.padEnd(10)}  median ${median(list).toFixed(1)} %  p90 ${quantile(list, 0.9).toFixed(1)} %`);
}
const { errorPct: own, referenceDriftPct } = profile.fit;
say(
  `the profile itself says: median ${own?.median.toFixed(1)} %, p90 ${own?.p90.toFixed(1)} %, drift ${referenceDriftPct.toFixed(0)} %`,
);

/** A few of the values, chosen by a seed. */
function drawn(all, count, seed) {
  const rest = [...all];
  const chosen = [];
  let state = seed;
  while (chosen.length < count && rest.length > 0) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    chosen.push(...rest.splice(Math.floor((state / 2 ** 32) * rest.length), 1));
  }
  return chosen;
}
