import type { DeviceId, Fleet } from '@cutpoint/control';
import { asCutpointError } from '@cutpoint/core';
import type { Log } from '@cutpoint/daemon';

const answerMs = 10_000;

/** Has the devices that are there ask for news of certificates at once, instead of within the hour. */
export function tellRevoked(view: Pick<Fleet, 'devices' | 'command'>, revoked: DeviceId, log: Log): void {
  const others = view.devices().filter(({ device, status }) => device !== revoked && status === 'online');
  for (const { device } of others) {
    view.command(device, { kind: 'check-identity' }, { budgetMs: answerMs }).catch((thrown: unknown) => {
      const { code, message } = asCutpointError(thrown, 'CUT_INTERNAL');
      log.warn({ code, device }, `It was not told at once that ${revoked} is revoked: ${message}`);
    });
  }
}
