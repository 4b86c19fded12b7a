import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CutpointError } from '@cutpoint/core';
import { type Command, InvalidArgumentError } from 'commander';
import { showFleet } from '../demo/show.js';
import { type Outcome, tally } from '../demo/tally.js';
import { demoText, waysText } from '../demo/text.js';
import { onInterrupt } from '../interrupt.js';
import { openProgress } from '../output/progress.js';
import { printResult } from '../output/result.js';
import type { Verb } from '../verb.js';

interface DemoFlags {
  readonly fleet?: true;
  readonly model?: string;
  readonly seconds: number;
  readonly json?: true;
}

const requestsPerSecond = 20;
/** Whatever hangs, the demo ends. */
const longestMs = 120_000;

/** `cutpoint demo --fleet`: a fleet on this machine that loses an agent under load. */
export const demo: Verb = {
  example: 'cutpoint demo --fleet',
  configure: (command: Command) =>
    command
      .option('--fleet', 'a server and three agents as processes of this machine, one of which is killed under load')
      .option('--model <file>', 'an ONNX file (default: one that comes with the repository)')
      .option('--seconds <number>', 'how long before, during and after the loss, each', parseSeconds, 4)
      .action(run),
};

async function run({ fleet, model, seconds, json }: DemoFlags): Promise<void> {
  if (fleet !== true) {
    const message = 'Give --fleet; the demo of a model cut in two is `npm run demo` in the repository.';
    throw new CutpointError('CUT_USAGE', message);
  }
  using interrupt = onInterrupt();
  await using folder = await temporaryFolder();
  const result = await (async () => {
    using progress = openProgress();
    const outcomes: Outcome[] = [];
    return await showFleet({
      folder: folder.path,
      model,
      requestsPerSecond,
      phaseMs: seconds * 1000,
      signal: AbortSignal.any([interrupt.signal, deadline()]),
      tell: (sentence) => progress.say(sentence),
      onOutcome: (outcome) => {
        outcomes.push(outcome);
        progress.show(figures(outcomes));
      },
    });
  })();
  await printResult(json === true, result, () => demoText(result));
  if (result.lost > 0 || result.wrong > 0) process.exitCode = 1;
}

/** Of the last second. */
function figures(outcomes: readonly Outcome[]): string {
  const now = outcomes.at(-1)?.endedMs ?? 0;
  const { answered, medianMs, ways } = tally(outcomes.filter(({ endedMs }) => endedMs > now - 1000));
  const lost = outcomes.filter(({ way }) => way === undefined).length;
  return `${answered} answers/s, ${Math.round(medianMs ?? 0)} ms, ${lost} lost so far; ${waysText(ways)}`;
}

function deadline(): AbortSignal {
  const controller = new AbortController();
  const error = new CutpointError('CUT_DEADLINE', `The demo did not end within ${longestMs / 1000} s.`);
  setTimeout(() => controller.abort(error), longestMs).unref();
  return controller.signal;
}

async function temporaryFolder() {
  const path = await mkdtemp(join(tmpdir(), 'cutpoint-demo-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (seconds >= 1 && seconds <= 20) return seconds;
  throw new InvalidArgumentError('Give a number from 1 to 20.');
}
