// Gives changed frames and messages, millions of them, to all that reads what others send: `npm run fuzz`. Every kind of
// input has a process of its own with little memory, so that what grows without end shows.
//   -- --frames 10000000   so many in all (200,000 where nothing is said)
//   -- --seed 7            other inputs; the same seed gives the same
//   -- --kind frames       of one kind only
//   -- --first 12          begins with this one
//   -- --json              what was done as one JSON object on standard output
import { fork } from 'node:child_process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { bundleKinds } from './fuzz/bundle.mjs';

const text = { type: 'string' };
const { values } = parseArgs({
  options: { frames: text, seed: text, kind: text, first: text, json: { type: 'boolean' } },
});
const frames = number('frames', 200_000);
const seed = number('seed', 1);
const first = number('first', 0);
/** Each process may use so much; it needs about half of that. */
const mostHeapMib = 160;
const mostBytes = 400 * 1024 ** 2;
/** A process that says nothing for so long hangs. */
const silenceMs = 30_000;
const logEveryMs = 30_000;
let toldAtMs = 0;

const child = fileURLToPath(new URL('./fuzz/child.mjs', import.meta.url));
const folder = await bundleKinds();
const { wireKinds } = await import(pathToFileURL(`${folder}/wire.mjs`).href);
const { controlKinds } = await import(pathToFileURL(`${folder}/control.mjs`).href);
const { sharesOf } = await import(pathToFileURL(`${folder}/core.mjs`).href);
const kinds = [...wireKinds, ...controlKinds].filter(({ name }) => (values.kind ?? name) === name);
if (kinds.length === 0) stop(`There is no kind "${values.kind}".`);

const startedAtMs = performance.now();
const shares = sharesOf(kinds, frames);
const done = [];
/** What was found; the other kinds are tried nevertheless. */
const failures = [];
for (const { kind, count } of shares) {
  const outcome = await run(kind.name, count);
  if (outcome !== undefined) done.push(outcome);
}
report();
process.exitCode = failures.length === 0 ? 0 : 1;

function number(name, otherwise) {
  const given = values[name] ?? String(otherwise);
  if (/^\d{1,10}$/.test(given)) return Number(given);
  return stop(`--${name} is "${given}", but must be a whole number.`);
}

function stop(message) {
  process.stderr.write(`${message}\n`);
  process.exit(2);
}

/** One kind in a process of its own; undefined if that fails. */
function run(name, count) {
  return new Promise((resolve) => {
    const args = [folder, name, seed, first, count].map(String);
    const execArgv = [`--max-old-space-size=${mostHeapMib}`];
    const process_ = fork(child, args, { execArgv, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const sinceMs = performance.now();
    let next = first;
    let result;
    let why;
    const hang = () => {
      why = `nothing was heard for ${silenceMs} ms`;
      process_.kill('SIGKILL');
    };
    const watch = () => setTimeout(hang, silenceMs);
    let watchdog = watch();
    process_.on('message', (message) => {
      clearTimeout(watchdog);
      watchdog = watch();
      if (message.next !== undefined) {
        next = message.next;
        progress(name, next - first, count, sinceMs);
      } else result = message;
    });
    process_.on('exit', (status, signal) => {
      clearTimeout(watchdog);
      clearLine();
      const again = `npm run fuzz -- --kind ${name} --seed ${seed} --first ${first} --frames ${count}`;
      const how = `${signal ?? status}${why === undefined ? '' : `: ${why}`}`;
      const broken =
        status !== 0 || result === undefined
          ? `${name} ended with ${how} behind input ${next - 1}`
          : result.peakBytes > mostBytes && `${name} took ${mib(result.peakBytes)} of memory`;
      if (broken) {
        failures.push(broken);
        say(`${broken}. To see it again: ${again}`);
      }
      if (result === undefined) {
        resolve(undefined);
        return;
      }
      const seconds = (performance.now() - sinceMs) / 1000;
      say(`${name}: ${count.toLocaleString('en')} in ${seconds.toFixed(1)} s`);
      resolve({ ...result.outcome, peakBytes: result.peakBytes, cpuSeconds: result.cpuSeconds, seconds });
    });
  });
}

function progress(name, sofar, count, sinceMs) {
  // A log gets a line now and then, a terminal one that changes.
  if (!process.stderr.isTTY && performance.now() - toldAtMs < logEveryMs) return;
  toldAtMs = performance.now();
  const before = done.reduce((sum, one) => sum + one.count, 0);
  const all = shares.reduce((sum, share) => sum + share.count, 0);
  const perSecond = (sofar * 1000) / (performance.now() - sinceMs);
  const overall = ((before + sofar) * 1000) / (performance.now() - startedAtMs);
  const leftS = Math.round((all - before - sofar) / overall);
  const left = `${Math.floor(leftS / 60)} min ${leftS % 60} s left`;
  const line = `${name} ${sofar}/${count}, ${Math.round(perSecond)}/s; ${before + sofar}/${all}, ${left}`;
  process.stderr.write(process.stderr.isTTY ? `\r\u001b[2K${line}` : `${line}\n`);
}

function clearLine() {
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[2K');
}

function say(line) {
  process.stderr.write(`${line}\n`);
}

function report() {
  const seconds = (performance.now() - startedAtMs) / 1000;
  const count = done.reduce((sum, one) => sum + one.count, 0);
  if (values.json) {
    process.stdout.write(`${JSON.stringify({ seed, first, count, seconds, kinds: done, failures })}\n`);
    return;
  }
  for (const { kind, count: own, outcomes, slowest, peakBytes, cpuSeconds, seconds: s } of done) {
    const list = Object.entries(outcomes).sort(([, a], [, b]) => b - a);
    const words = list.map(([name, times]) => `${name} ${times.toLocaleString('en')}`).join(', ');
    const slow = `slowest ${slowest.ms.toFixed(1)} ms (input ${slowest.input})`;
    process.stdout.write(
      `${kind}: ${own.toLocaleString('en')} at ${Math.round(own / s)}/s (${Math.round(own / cpuSeconds)} a second of processor time), peak ${mib(peakBytes)}, ${slow}\n  ${words}\n`,
    );
  }
  const perSecond = Math.round(count / seconds);
  const verdict = failures.length === 0 ? 'no rule broken' : `${failures.length} kinds broke a rule`;
  process.stdout.write(
    `${count.toLocaleString('en')} inputs with seed ${seed} in ${Math.round(seconds)} s (${perSecond}/s): ${verdict}\n`,
  );
}

function mib(bytes) {
  return `${Math.round(bytes / 1024 ** 2)} MiB`;
}
