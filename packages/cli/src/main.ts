import { readFileSync } from 'node:fs';
import { CutpointError } from '@cutpoint/core';
import { Command, CommanderError } from 'commander';
import { reportError, usageError } from './errors.js';
import { addVerb } from './verb.js';
import { verbs } from './verbs/index.js';

/** Runs one command line (without `node` and the script) and sets the exit status. Never throws. */
export async function main(args: readonly string[]): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', ignoreClosedPipe);
  const status = await runCommandLine(args);
  if (status === 0) return;
  process.exitCode = status;
  // What a failure left open (a worker still loading) must not keep the process alive.
  setTimeout(() => process.exit(), 1_000).unref();
}

/** A reader that has seen enough (`cutpoint cuts model.onnx | head`) is no failure. */
function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}

/** Runs one command line and returns the exit status: 0 done, 1 failed, 2 wrong usage. Never throws. */
export async function runCommandLine(args: readonly string[]): Promise<0 | 1 | 2> {
  try {
    if (args.length === 0) throw new CutpointError('CUT_USAGE', 'Name a verb; `cutpoint --help` lists them.');
    const [first, second] = args.filter((arg) => !arg.startsWith('-'));
    const command = await program(first === 'help' ? second : first);
    await command.parseAsync([...args], { from: 'user' });
    return 0;
  } catch (thrown) {
    if (isHelpOrVersion(thrown)) return 0;
    const error = thrown instanceof CommanderError ? usageError(thrown) : thrown;
    return await reportError(error, { json: args.includes('--json') });
  }
}

/** The command line; only the verb that is called is loaded. */
async function program(verb: string | undefined): Promise<Command> {
  const command = new Command('cutpoint')
    .description('Cuts a neural network in two and runs the halves on different machines.')
    .version(version())
    .showSuggestionAfterError()
    // What follows a verb is the verb's, so that a verb that groups others passes their options on.
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({ outputError: () => {} });
  for (const entry of verbs) {
    if (entry.name === verb) addVerb(command, entry, await entry.load());
    else command.command(entry.name).description(entry.summary);
  }
  return command;
}

function isHelpOrVersion(thrown: unknown): boolean {
  return thrown instanceof CommanderError && thrown.exitCode === 0;
}

function version(): string {
  const manifest: { version: string } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  return manifest.version;
}
