import { type ChildProcess, spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { asCutpointError, CutpointError, cancelReason, isErrorCode } from '@cutpoint/core';

const command = fileURLToPath(new URL('../../bin/cutpoint.js', import.meta.url));

/** Runs a verb with `--json` as a person would, and gives what it prints. @throws CutpointError what it says; the signal's reason */
export async function runVerb(args: readonly string[], signal: AbortSignal): Promise<unknown> {
  const child = spawn(process.execPath, [command, ...args, '--json'], {
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
    signal,
  });
  const [out] = await Promise.all([text(child.stdout), ended(child, signal)]);
  const answer = JSON.parse(out) as { error?: { code: unknown; message: string } };
  if (answer.error === undefined) return answer;
  const { code, message } = answer.error;
  throw new CutpointError(isErrorCode(code) ? code : 'CUT_INTERNAL', `\`cutpoint ${args[0]}\`: ${message}`);
}

function ended(child: ChildProcess, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('close', () => resolve());
    child.once('error', (thrown) =>
      reject(signal.aborted ? cancelReason(signal) : asCutpointError(thrown, 'CUT_INTERNAL', 'A verb did not start')),
    );
  });
}
