import { setTimeout as sleep } from 'node:timers/promises';
import { CutpointError } from '@cutpoint/core';
import { type StatusView, statusView } from '@cutpoint/server/client';
import { addServerOptions, openServerApi, type ServerApi, type ServerOptions } from '../fleet/server-api.js';
import { statusText } from '../fleet/status-text.js';
import { onInterrupt } from '../interrupt.js';
import { printResult, writeOut } from '../output/result.js';
import type { Verb } from '../verb.js';

interface StatusOptions extends ServerOptions {
  readonly watch?: true;
  readonly json?: true;
}

const lookEveryMs = 2_000;

/** `cutpoint status`: what a fleet runs, and how far the last change is. */
export const status: Verb = {
  example: 'cutpoint status --watch',
  configure: (command) =>
    addServerOptions(command)
      .option('--watch', 'show it anew every 2 s, until Ctrl-C')
      .action(async ({ watch, json, ...server }: StatusOptions) => {
        using interrupt = onInterrupt();
        const api = await openServerApi(server, interrupt.signal);
        if (watch === undefined) {
          const found = await look(api);
          return await printResult(json === true, found, () => statusText(found, api.url));
        }
        if (json === true) throw new CutpointError('CUT_USAGE', '--json prints one object: leave out --watch.');
        await watchStatus(api, interrupt.signal);
      }),
};

function look(api: ServerApi): Promise<StatusView> {
  return api.ask({ method: 'GET', path: '/v1/status', answer: statusView });
}

async function watchStatus(api: ServerApi, signal: AbortSignal): Promise<void> {
  const clear = process.stdout.isTTY ? '\u001b[H\u001b[2J' : '';
  while (!signal.aborted) {
    const text = statusText(await look(api), api.url);
    await writeOut(clear === '' ? `${text}\n` : clear + text);
    // The end of the wait by Ctrl-C is how this ends.
    await sleep(lookEveryMs, undefined, { signal }).catch(() => undefined);
  }
}
