import { asCutpointError, CutpointError, errorCodes } from '@cutpoint/core';
import { type Listener, runPlan } from './demo.js';
import { jsonReport } from './json-report.js';
import { cutsStory, introduction, startedStory } from './narrate.js';
import { type DemoOptions, parseOptions, usage } from './options.js';
import { pictureReport, verdict } from './picture-report.js';
import { makePlan } from './plan.js';
import { screenOf } from './screen.js';

/** The whole demo may take this long, in ms. */
const demoMs = 180_000;

/** Runs the demo and gives the exit status: 0 if all pictures agree, 1 if not or if it failed, 2 for wrong usage. */
async function main(args: readonly string[]): Promise<number> {
  const stopped = new AbortController();
  const stop = () => stopped.abort(new CutpointError('CUT_CANCELLED', 'Interrupted.'));
  process.once('SIGINT', stop).once('SIGTERM', stop);
  // A reader that has seen enough (`| head`) is a reason to stop, too.
  process.stdout.on('error', stop);
  try {
    const options = parseOptions(args);
    if (options.help) {
      process.stdout.write(usage);
      return 0;
    }
    const agree = await show(options, AbortSignal.any([stopped.signal, AbortSignal.timeout(demoMs)]));
    return agree ? 0 : 1;
  } catch (thrown) {
    const { code, message } = asCutpointError(thrown, 'CUT_INTERNAL');
    process.stderr.write(`error ${code}: ${message}\n`);
    if (args.includes('--json')) process.stdout.write(`${JSON.stringify({ error: { code, message } })}\n`);
    return errorCodes[code].exit;
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}

/** Plans, runs and tells; says whether split and whole agree about every picture. */
async function show(options: DemoOptions, signal: AbortSignal): Promise<boolean> {
  const startedAt = performance.now();
  const screen = screenOf(process.stdout);
  const print = (text: string) => {
    if (!options.json) process.stdout.write(text);
  };
  // A wrong cut or picture is said at once, and not behind a story.
  const plan = await makePlan(options, signal);
  print(introduction(screen));
  print(cutsStory(plan, options, screen));
  const listener: Listener = {
    started: (daemons) => print(startedStory(daemons, screen)),
    read: (picture) => print(pictureReport(picture, screen)),
  };
  const read = await runPlan(plan, { optimisation: options.exact ? 'none' : 'all', listener, signal });
  print(verdict(read, screen));
  if (options.json) {
    const seconds = (performance.now() - startedAt) / 1000;
    process.stdout.write(`${JSON.stringify(jsonReport(plan, read, seconds))}\n`);
  }
  return read.every(({ result }) => result.agree);
}

process.exitCode = await main(process.argv.slice(2));
