import { readFileSync } from 'node:fs';
import { CutpointError, errorCodes, systemReason } from '@cutpoint/core';
import { Command, CommanderError } from 'commander';
import { reportError, usageError } from './errors.js';
import { addVerb } from './verb.js';
import { verbs as allVerbs, type VerbEntry } from './verbs/index.js';

/** Runs one command line (without `node` and the script) and sets the exit status. Never throws. */
export async function main(args: readonly string[]): Promise<void> {
  process.stdout.on('error', endUnheard);
  // Nobody can be told that this failed.
  process.stderr.on('error', () => {});
  const status = await runCommandLine(args);
  if (status === 0) return;
  process.exitCode = status;
  // What a failure left open (a worker still loading) must not keep the process alive.
  setTimeout(() => process.exit(), 1_000).unref();
}

/** Ends the process, for its result cannot be written. A reader that has seen enough (`| head`) is no failure. */
function endUnheard(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') return;
  process.stderr.write(`error CUT_FILE_WRITE: Standard output cannot be written: ${systemReason(error)}.\n`);
  process.exit(errorCodes.CUT_FILE_WRITE.exit);
}

/** Runs one command line and returns the exit status: 0 done, 1 failed, 2 wrong usage. Never throws. */
export async function runCommandLine(args: readonly string[]): Promise<0 | 1 | 2> {
  try {
    if (args.length === 0) throw new CutpointError('CUT_USAGE', 'Name a verb; `cutpoint --help` lists them.');
    const [first, second] = args.filter((arg) => !arg.startsWith('-'));
    const verb = first === 'help' ? second : first;
    const installed = installation();
    if (verb !== undefined) requireInstalled(verb, installed, first === 'help');
    const command = await program(verb, installed);
    await command.parseAsync([...args], { from: 'user' });
    return 0;
  } catch (thrown) {
    if (isHelpOrVersion(thrown)) return 0;
    const error = thrown instanceof CommanderError ? usageError(thrown) : thrown;
    return await reportError(error, { json: args.includes('--json') });
  }
}

/** The command line; only the verb that is called is loaded. */
async function program(verb: string | undefined, { version, verbs }: Installation): Promise<Command> {
  const command = new Command('cutpoint')
    .description('Cuts a neural network in two and runs the halves on different machines.')
    .version(version)
    .showSuggestionAfterError()
    // What follows a verb is the verb's, so that a verb that groups others passes their options on.
    .enablePositionalOptions()
    .exitOverride()
    // What is wrong is said in one sentence, without the help around it.
    .configureOutput({ outputError: () => {}, writeErr: () => {} });
  for (const entry of verbs) {
    if (entry.name === verb) addVerb(command, entry, await entry.load());
    else command.command(entry.name).description(entry.summary);
  }
  return command;
}

function isHelpOrVersion(thrown: unknown): boolean {
  return thrown instanceof CommanderError && thrown.exitCode === 0;
}

/** What of the command is here: `npm run pack` makes archives that have some of the verbs, and says so in the manifest. */
interface Installation {
  readonly version: string;
  readonly verbs: readonly VerbEntry[];
}

function installation(): Installation {
  const manifest: { version: string; cutpoint?: { verbs: readonly string[] } } = JSON.parse(
    readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
  );
  const here = manifest.cutpoint?.verbs;
  return {
    version: manifest.version,
    verbs: here === undefined ? allVerbs : allVerbs.filter(({ name }) => here.includes(name)),
  };
}

/** Whoever asks for help on a verb, or for one that was left out, is told that it is not here. */
function requireInstalled(verb: string, { verbs }: Installation, isHelp: boolean): void {
  if (verbs.some(({ name }) => name === verb)) return;
  if (allVerbs.some(({ name }) => name === verb)) {
    const message = `The verb "${verb}" is not part of this installation, which has ${verbs.map(({ name }) => name).join(', ')}; the npm package has all.`;
    throw new CutpointError('CUT_USAGE', message);
  }
  if (isHelp) throw new CutpointError('CUT_USAGE', `There is no verb "${verb}"; \`cutpoint --help\` lists the verbs.`);
}
