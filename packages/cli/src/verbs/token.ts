import { type Scope, type StoredToken, scope } from '@cutpoint/control/client';
import { CutpointError } from '@cutpoint/core';
import { stateFolder, stateHelp } from '@cutpoint/daemon/client';
import { InvalidArgumentError } from 'commander';
import { askServer } from '../fleet/ask-server.js';
import { onInterrupt } from '../interrupt.js';
import { parsePositive } from '../options.js';
import { printResult } from '../output/result.js';
import { table } from '../output/table.js';
import { addVerb, type Verb } from '../verb.js';

interface StateOptions {
  readonly state?: string;
  readonly json?: true;
}

const dayMs = 24 * 60 * 60_000;

/** `cutpoint token`: tokens of the HTTP API. */
export const token: Verb = {
  example: 'cutpoint token new --scope infer',
  configure: (command) => {
    // What follows the name of a verb in here is that verb's: all know --json.
    command.enablePositionalOptions();
    command
      .usage('[options] <verb>')
      .argument('[verb]')
      .action((name: string | undefined) => {
        const what = name === undefined ? 'Name a verb' : `There is no verb "${name}"`;
        throw new CutpointError('CUT_USAGE', `${what}: \`cutpoint token --help\` explains new, list and revoke.`);
      });
    addVerb(command, { name: 'new', summary: 'Makes a token and shows it, this once.' }, create);
    addVerb(command, { name: 'list', summary: 'Lists the tokens there are, without their secrets.' }, list);
    addVerb(command, { name: 'revoke', summary: 'Revokes a token at once.' }, revokeOne);
  },
};

const create: Verb = {
  example: 'cutpoint token new --scope infer,read --label dashboard --days 90',
  configure: (command) =>
    command
      .requiredOption(
        '--scope <scopes>',
        'what it allows: infer, read, deploy, admin (all), separated by commas',
        parseScopes,
      )
      .option('--label <text>', 'what it is for, to find it again', '')
      .option('--days <number>', 'how long it is good for (default: until it is revoked)', parsePositive)
      .option('--state <folder>', stateHelp)
      .action(async ({ scope: scopes, label, days, state, json }: CreateOptions) => {
        const lifetime = days === undefined ? {} : { lifetimeMs: days * dayMs };
        const request = { action: 'create-token', label: label.slice(0, 100), scopes, ...lifetime } as const;
        const made = await ask<{ token: string }>(state, request);
        await printResult(json === true, made, () => `${made.token}\n`);
      }),
};

interface CreateOptions extends StateOptions {
  readonly scope: Scope[];
  readonly label: string;
  readonly days?: number;
}

const list: Verb = {
  example: 'cutpoint token list',
  configure: (command) =>
    command.option('--state <folder>', stateHelp).action(async ({ state, json }: StateOptions) => {
      const found = await ask<{ tokens: Omit<StoredToken, 'hash' | 'salt'>[] }>(state, { action: 'list-tokens' });
      await printResult(json === true, found, () => {
        const rows = found.tokens.map(({ id, scopes, label, expiresAtMs, revokedAtMs }) => [
          id,
          scopes.join(','),
          stateOf(expiresAtMs, revokedAtMs),
          label,
        ]);
        return table([{ name: 'id' }, { name: 'scopes' }, { name: 'state' }, { name: 'label' }], rows);
      });
    }),
};

const revokeOne: Verb = {
  example: 'cutpoint token revoke 5f3a9c0e21b74d88',
  configure: (command) =>
    command
      .argument('<id>', 'the id that `cutpoint token list` shows')
      .option('--state <folder>', stateHelp)
      .action(async (id: string, { state, json }: StateOptions) => {
        const result = await ask(state, { action: 'revoke-token', id: id.slice(0, 64) });
        await printResult(json === true, result, () => `The token ${id} is revoked.\n`);
      }),
};

async function ask<T extends object>(state: string | undefined, request: Parameters<typeof askServer>[1]): Promise<T> {
  using interrupt = onInterrupt();
  return (await askServer(stateFolder('server', state), request, interrupt.signal)) as T;
}

function stateOf(expiresAtMs: number | undefined, revokedAtMs: number | undefined): string {
  if (revokedAtMs !== undefined) return 'revoked';
  if (expiresAtMs === undefined) return 'valid';
  return expiresAtMs <= Date.now() ? 'expired' : `until ${new Date(expiresAtMs).toISOString().slice(0, 10)}`;
}

function parseScopes(text: string): Scope[] {
  const parsed = scope
    .array()
    .min(1)
    .safeParse(text.split(',').map((part) => part.trim()));
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError('Give some of infer, read, deploy and admin, separated by commas.');
}
