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
