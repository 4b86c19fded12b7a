import { CommanderError } from 'commander';
import { expect, it } from 'vitest';
import { usageError } from './errors.js';

it.each([
  ['unknownOption', "unknown option '--x'", "Unknown option '--x'. `cutpoint VERB --help` shows what there is."],
  ['unknownCommand', "unknown command 'y'", "Unknown command 'y': `cutpoint --help` lists the verbs."],
  [
    'invalidArgument',
    "option '-n' argument 'x' is invalid. Give one.",
    "Option '-n' argument 'x' is invalid. Give one.",
  ],
])('says what to do about a wrong command line (%s)', (code, said, sentence) => {
  expect(usageError(new CommanderError(1, `commander.${code}`, `error: ${said}`)).message).toBe(sentence);
});
