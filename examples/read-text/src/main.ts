import { asCutpointError, CutpointError, errorCodes } from '@cutpoint/core';
import { runPlan } from './demo.js';
import { jsonReport } from './json-report.js';
import { cutsStory, introduction, startedStory } from './narrate.js';
import { parseOptions, usage } from './options.js';
import { pictureReport, verdict } from './picture-report.js';
import { makePlan } from './plan.js';
import { screenOf } from './screen.js';

/** The whole demo may take this long, in ms. */
const demoMs = 180_000;

/** Runs the demo and gives the exit status: 0 if all pictures agree, 1 if not or if it failed, 2 for wrong usage. */
async function main(args: readonly string[]): Promise<number> {
  const startedAt = performance.now();
  const stopped = new AbortController();
  const stop = () => stopped.abort(new CutpointError('CUT_CANCELLED', 'Interrupted.'));
  process.once('SIGINT', stop).once('SIGTERM', stop);
  // A reader that has seen enough (`| head`) is a reason to stop, too.
  process.stdout.on('error', stop);
  try {
    const options = parseOptions(args);
    const print = (text: string) => void (options.json || process.stdout.write(text));
    if (options.help) {
      process.stdout.write(usage);
      return 0;
    }
    const signal = AbortSignal.any([stopped.signal, AbortSignal.timeout(demoMs)]);
    const screen = screenOf(process.stdout);
    print(introduction(screen));
    const plan = await makePlan(options, signal);
    print(cutsStory(plan, options, screen));
    const listener = {
      started: (daemons: Parameters<typeof startedStory>[0]) => print(startedStory(daemons, screen)),
      read: (picture: Parameters<typeof pictureReport>[0]) => print(pictureReport(picture, screen)),
    };
    const read = await runPlan(plan, { optimisation: options.exact ? 'none' : 'all', listener, signal });
    const seconds = (performance.now() - startedAt) / 1000;
    print(verdict(read, screen));
    if (options.json) process.stdout.write(`${JSON.stringify(jsonReport(plan, read, seconds))}\n`);
    return read.every(({ result }) => result.agree) ? 0 : 1;
  } catch (thrown) {
    const error = asCutpointError(thrown, 'CUT_INTERNAL');
    process.stderr.write(`error ${error.code}: ${error.message}\n`);
    return errorCodes[error.code].exit;
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}

process.exitCode = await main(process.argv.slice(2));
