import { devicesView } from '@cutpoint/server/client';
import { devicesText } from '../fleet/devices-text.js';
import { addServerOptions, openServerApi, type ServerOptions } from '../fleet/server-api.js';
import { onInterrupt } from '../interrupt.js';
import { printResult } from '../output/result.js';
import type { Verb } from '../verb.js';

interface DevicesOptions extends ServerOptions {
  readonly json?: true;
}

/** `cutpoint devices`: who is in the fleet, as its server sees it. */
export const devices: Verb = {
  example: 'cutpoint devices --server http://127.0.0.1:7480',
  configure: (command) =>
    addServerOptions(command).action(async ({ json, ...server }: DevicesOptions) => {
      using interrupt = onInterrupt();
      const api = await openServerApi(server, interrupt.signal);
      const found = await api.ask({ method: 'GET', path: '/v1/devices', answer: devicesView });
      await printResult(json === true, found, () => devicesText(found.devices));
    }),
};
