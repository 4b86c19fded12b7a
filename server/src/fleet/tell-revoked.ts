import type { DeviceId, Fleet } from '@cutpoint/control';
import { asCutpointError } from '@cutpoint/core';
import type { Log } from '@cutpoint/daemon';

const answerMs = 10_000;

/**
 * Has the devices that are there ask for news of certificates at once, instead of within the hour. Gives those that have not
 * confirmed that they know, those that are away among them, and says so in the log; they ask by themselves. Never throws.
 */
export async function tellRevoked(
  view: Pick<Fleet, 'devices' | 'command'>,
  revoked: DeviceId,
  { isRevoked, log }: { readonly isRevoked: (device: DeviceId) => boolean; readonly log: Log },
): Promise<readonly DeviceId[]> {
  const members = view.devices().filter(({ device }) => device !== revoked && !isRevoked(device));
  const others = members.filter(({ status }) => status === 'online');
  const away = members.filter(({ status }) => status !== 'online').map(({ device }) => device);
  const told = await Promise.all(
    others.map(async ({ device }) => {
      try {
        await view.command(device, { kind: 'check-identity' }, { budgetMs: answerMs });
        return [];
      } catch (thrown) {
        const { code, message } = asCutpointError(thrown, 'CUT_INTERNAL');
        log.warn({ code, device }, `It has not confirmed that it knows that ${revoked} is revoked: ${message}`);
        return [device];
      }
    }),
  );
  const unconfirmed = [...told.flat(), ...away];
  log.info({ revoked, told: others.length, unconfirmed }, 'the devices that are there were told who is revoked');
  return unconfirmed;
}
