import { setTimeout as sleep } from 'node:timers/promises';
import { deviceId } from '@cutpoint/control/client';
import { asCutpointError, CutpointError } from '@cutpoint/core';
import { prettyLine } from '@cutpoint/daemon/client';
import { logsView } from '@cutpoint/server/client';
import { newLines } from '../fleet/new-lines.js';
import { addServerOptions, openServerApi, type ServerApi, type ServerOptions } from '../fleet/server-api.js';
import { onInterrupt } from '../interrupt.js';
import { parsePositive } from '../options.js';
import { printResult, writeOut } from '../output/result.js';
import type { Verb } from '../verb.js';

interface LogsOptions extends ServerOptions {
  readonly lines: number;
  readonly follow?: true;
  readonly json?: true;
}

const mostLines = 1000;
/** The server gives a device 10 s. */
const waitMs = 15_000;
const lookEveryMs = 1_000;
/** What --follow reads of a log each time: more than that between two looks is left out. */
const linesBetweenLooks = 200;

/** `cutpoint logs`: the last lines that the daemon of a device has logged. */
export const logs: Verb = {
  example: 'cutpoint logs pi-1 --lines 50 --follow',
  configure: (command) =>
    addServerOptions(command.argument('<device>', 'a device, as `cutpoint devices` lists it'))
      .option('--lines <number>', `how many of the last lines, at most ${mostLines}`, parsePositive, 100)
      .option('--follow', 'go on with what comes, until Ctrl-C')
      .action(run),
};

async function run(name: string, { lines, follow, json, ...server }: LogsOptions): Promise<void> {
  const device = deviceId.safeParse(name);
  if (!device.success)
    throw new CutpointError('CUT_USAGE', `"${name}" is no name of a device: \`cutpoint devices\` lists them.`);
  if (lines > mostLines)
    throw new CutpointError('CUT_USAGE', `--lines is ${lines}, but devices keep ${mostLines} lines.`);
  if (follow === true && json === true)
    throw new CutpointError('CUT_USAGE', '--json prints one object: leave out --follow.');
  using interrupt = onInterrupt();
  const api = await openServerApi(server, interrupt.signal);
  if (follow === true) return await goOn(api, device.data, { lines, signal: interrupt.signal });
  const found = await lastLines(api, device.data, lines);
  await printResult(json === true, { device: device.data, ...found }, () => found.lines.map(shown).join(''));
}

function lastLines(api: ServerApi, device: string, lines: number): Promise<{ lines: readonly string[] }> {
  return api.ask({ method: 'GET', path: `/v1/logs?device=${device}&lines=${lines}`, answer: logsView, waitMs });
}

/** Shows the last lines and what comes to them, until the signal. A device that is gone meanwhile is asked again. */
async function goOn(
  api: ServerApi,
  device: string,
  { lines: first, signal }: { readonly lines: number; readonly signal: AbortSignal },
): Promise<void> {
  const limit = Math.max(first, linesBetweenLooks);
  let { lines: before } = await lastLines(api, device, limit);
  await writeOut(before.slice(-first).map(shown).join(''));
  let isAway = false;
  // The end of the wait by Ctrl-C is how this ends.
  while (await sleep(lookEveryMs, true, { signal }).catch(() => false)) {
    try {
      const { lines } = await lastLines(api, device, limit);
      await writeOut(newLines(before, lines).map(shown).join(''));
      before = lines;
      isAway = false;
    } catch (thrown) {
      if (signal.aborted) return;
      const { code, message } = asCutpointError(thrown, 'CUT_INTERNAL');
      if (code !== 'CUT_UNREACHABLE' && code !== 'CUT_DEADLINE') throw thrown;
      if (!isAway) process.stderr.write(`${message} It is asked again every second.\n`);
      isAway = true;
    }
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to look for.
const control = /[\u0000-\u001f\u007f-\u009f]/g;

/** A line for people; what is no line of a log is shown as it is. It comes from another machine, and must not steer this terminal. */
function shown(line: string): string {
  let text = line;
  try {
    text = prettyLine(line, false).trimEnd();
  } catch {
    // It is shown as it is.
  }
  return `${text.replace(control, '?')}\n`;
}
