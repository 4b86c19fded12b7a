import { parseArgs } from 'node:util';
import { CutpointError, messageOf } from '@cutpoint/core';

/** What the demo was asked to do. */
export interface DemoOptions {
  readonly help: boolean;
  /** Print one JSON object instead of the report. */
  readonly json: boolean;
  /** Switch the runtime's graph optimisations off: then split and whole must agree bit for bit. */
  readonly exact: boolean;
  /** The cut to use; the demo chooses one if it is left out. */
  readonly at: number | undefined;
  /** PNG files to read instead of the demo's own. */
  readonly pictures: readonly string[];
}

/** The text of `--help`. */
export const usage = `Reads pictures of lines of text with a model that is cut in two, and compares with the uncut model.

Usage: npm run demo -- [--at CUT] [--exact] [--json] [PICTURE.png ...]

  --at CUT   cut the model there, as the table numbers the cuts; default: where the fewest bytes cross
  --exact    without the runtime's graph optimisations: split and whole must agree bit for bit
  --json     print one JSON object instead of the report
  PICTURE    your own PNG pictures of one line of text each, dark on light
`;

/** Reads the command line, without node and the script. @throws CutpointError CUT_USAGE */
export function parseOptions(args: readonly string[]): DemoOptions {
  const { values, positionals } = parse(args);
  if (values.at !== undefined && !/^\d{1,9}$/.test(values.at)) {
    throw new CutpointError('CUT_USAGE', `--at is "${values.at}", but must be the number of a cut.`);
  }
  return {
    help: values.help,
    json: values.json,
    exact: values.exact,
    at: values.at === undefined ? undefined : Number(values.at),
    pictures: positionals,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        help: { type: 'boolean', short: 'h', default: false },
        json: { type: 'boolean', default: false },
        exact: { type: 'boolean', default: false },
        at: { type: 'string' },
      },
    });
  } catch (error) {
    // What stands behind the first sentence is for programs that take anything.
    const [what = ''] = messageOf(error).split(/[.\n]/);
    const message = `${what}; \`npm run demo -- --help\` shows the options.`;
    throw new CutpointError('CUT_USAGE', message, { cause: error });
  }
}
