import { asCutpointError, CutpointError, errorCodes } from '@cutpoint/core';
import type { CommanderError } from 'commander';
import { writeOut } from './output/result.js';

/** What commander says about a wrong command line, as the product's own error. */
export function usageError(error: CommanderError): CutpointError {
  // Its message is "(outputHelp)".
  if (error.code === 'commander.help') {
    return new CutpointError('CUT_USAGE', 'There is no such command; `cutpoint --help` lists the verbs.');
  }
  const sentence = oneLine(error.message.replace(/^error: /, ''));
  const whole = /[.)]$/.test(sentence) ? sentence : `${sentence}.`;
  if (error.code === 'commander.unknownCommand')
    return new CutpointError('CUT_USAGE', `${capital(sentence)}: \`cutpoint --help\` lists the verbs.`);
  const advice = /invalid\. /.test(whole) ? '' : ' `cutpoint VERB --help` shows what there is.';
  return new CutpointError('CUT_USAGE', capital(whole) + advice);
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/**
 * Says what went wrong: one sentence on stderr (with the stack if CUTPOINT_DEBUG is 1) and, with `json`, one object
 * on stdout. Returns the exit status that belongs to the error's code.
 */
export async function reportError(thrown: unknown, { json }: { json: boolean }): Promise<1 | 2> {
  const error = asCutpointError(thrown, 'CUT_INTERNAL');
  process.stderr.write(`error ${error.code}: ${oneLine(error.message)}\n`);
  if (process.env.CUTPOINT_DEBUG === '1') process.stderr.write(`${stackOf(error)}\n`);
  if (json) await writeOut(`${JSON.stringify({ error: { code: error.code, message: error.message } })}\n`);
  return errorCodes[error.code].exit;
}

/** Messages of the runtime have line ends; those of another machine could hold anything. */
function oneLine(text: string): string {
  return text.replace(/[\s\p{Cc}]+/gu, ' ').trim();
}

function stackOf(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by ${stackOf(error.cause)}` : '';
  return (error.stack ?? error.message) + cause;
}
