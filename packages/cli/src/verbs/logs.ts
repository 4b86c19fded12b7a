import { deviceId } from '@cutpoint/control/client';
import { CutpointError } from '@cutpoint/core';
import { prettyLine } from '@cutpoint/daemon/client';
import { logsView } from '@cutpoint/server/client';
import { addServerOptions, openServerApi, type ServerOptions } from '../fleet/server-api.js';
import { onInterrupt } from '../interrupt.js';
import { parsePositive } from '../options.js';
import { printResult } from '../output/result.js';
import type { Verb } from '../verb.js';

interface LogsOptions extends ServerOptions {
  readonly lines: number;
  readonly json?: true;
}

const mostLines = 1000;
/** The server gives a device 10 s. */
const waitMs = 15_000;

/** `cutpoint logs`: the last lines that the daemon of a device has logged. */
export const logs: Verb = {
  example: 'cutpoint logs pi-1 --lines 50',
  configure: (command) =>
    addServerOptions(command.argument('<device>', 'a device, as `cutpoint devices` lists it'))
      .option('--lines <number>', `how many of the last lines, at most ${mostLines}`, parsePositive, 100)
      .action(run),
};

async function run(name: string, { lines, json, ...server }: LogsOptions): Promise<void> {
  const device = deviceId.safeParse(name);
  if (!device.success)
    throw new CutpointError('CUT_USAGE', `"${name}" is no name of a device: \`cutpoint devices\` lists them.`);
  if (lines > mostLines)
    throw new CutpointError('CUT_USAGE', `--lines is ${lines}, but devices keep ${mostLines} lines.`);
  using interrupt = onInterrupt();
  const api = await openServerApi(server, interrupt.signal);
  const path = `/v1/logs?device=${device.data}&lines=${lines}`;
  const found = await api.ask({ method: 'GET', path, answer: logsView, waitMs });
  await printResult(json === true, { device: device.data, ...found }, () => found.lines.map(shown).join(''));
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
