import { deviceId } from '@cutpoint/control/client';
import { CutpointError } from '@cutpoint/core';
import { stateFolder, stateHelp } from '@cutpoint/daemon/client';
import { askServer } from '../fleet/ask-server.js';
import { onInterrupt } from '../interrupt.js';
import { printResult } from '../output/result.js';
import type { Verb } from '../verb.js';

/** `cutpoint revoke`: takes a device out of the fleet. */
export const revoke: Verb = {
  example: 'cutpoint revoke pi-1',
  configure: (command) =>
    command
      .argument('<device>', 'the device; its connections end at once')
      .option('--state <folder>', stateHelp)
      .action(async (name: string, { state, json }: { state?: string; json?: true }) => {
        const device = deviceId.safeParse(name);
        if (!device.success) throw new CutpointError('CUT_USAGE', `"${name}" is no name of a device.`);
        using interrupt = onInterrupt();
        const request = { action: 'revoke-device', device: device.data } as const;
        const result = await askServer(stateFolder('server', state), request, interrupt.signal);
        await printResult(json === true, result, () => textOf(name, result));
      }),
};

function textOf(name: string, result: object): string {
  const unconfirmed = 'unconfirmed' in result && Array.isArray(result.unconfirmed) ? result.unconfirmed : [];
  const done = `${name} is revoked. It can be paired again with a new code.\n`;
  if (unconfirmed.length === 0) return done;
  return `${done}Not yet confirmed by ${unconfirmed.join(', ')}: until they reach the server they may let it in.\n`;
}
