import { CutpointError } from '@cutpoint/core';
import type { Command } from 'commander';

/** How a verb is listed. */
export interface VerbName {
  readonly name: string;
  /** One sentence for the list of verbs. */
  readonly summary: string;
}

/** One verb of the command line: a file in src/verbs/ and an entry in src/verbs/index.ts. */
export interface Verb {
  /** A command line that works, shown below the verb's help. */
  readonly example: string;
  /** Adds arguments, options and the action. `--json` is already there. */
  configure(command: Command): void;
}

/** Adds a verb to the program, or to a verb that groups others (`cutpoint bench wire`). */
export function addVerb(parent: Command, { name, summary }: VerbName, verb: Verb): void {
  const command = parent
    .command(name)
    .description(summary)
    .addHelpText('after', `\nExample:\n  $ ${verb.example}`)
    .option('--json', 'print one JSON object on stdout; logs go to stderr');
  verb.configure(command);
}

/** Makes a verb one that only groups others, which are added with `addVerb`: called by itself it says where they are listed. */
export function configureGroup(command: Command): void {
  // What follows a verb's name is the verb's: both know --json.
  command.enablePositionalOptions();
  command
    .usage('[options] <verb>')
    .helpCommand(true)
    .argument('[verb]')
    .action((name: string | undefined) => {
      const what = name === undefined ? 'Name a verb' : `There is no verb "${command.name()} ${name}"`;
      throw new CutpointError('CUT_USAGE', `${what}: \`cutpoint ${command.name()} --help\` lists them.`);
    });
}
