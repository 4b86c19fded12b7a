import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { CutpointError, messageOf } from '@cutpoint/core';
import type { Command } from './netns-commands.js';

const execute = promisify(execFile);
const commandMs = 10_000;

/** Runs one command. @throws CutpointError CUT_EMULATION with what it said. */
export async function runCommand([program = '', ...args]: Command): Promise<void> {
  try {
    await execute(program, args, { timeout: commandMs });
  } catch (thrown) {
    const { stderr } = thrown as { stderr?: unknown };
    const said = typeof stderr === 'string' && stderr.trim() !== '' ? stderr.trim() : messageOf(thrown);
    const reason = said.replace(/\s+/g, ' ').replace(/\.$/, '');
    throw new CutpointError('CUT_EMULATION', `"${[program, ...args].join(' ')}" failed: ${reason}.`, { cause: thrown });
  }
}
