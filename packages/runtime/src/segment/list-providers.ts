import { CutpointError, cancelReason, onCancel } from '@cutpoint/core';
import type { ProviderInfo } from './segment.js';
import { startThreadHost } from './thread-host.js';

/**
 * The execution providers that the installed runtime knows. Asks a worker, as the native library blocks its thread.
 * @throws CutpointError CUT_WORKER_DIED if the native library cannot be loaded, or the signal's reason.
 */
export async function listProviders(signal?: AbortSignal): Promise<readonly ProviderInfo[]> {
  let stop = async (): Promise<void> => {};
  try {
    return await new Promise((resolve, reject) => {
      const host = startThreadHost({
        onPacket: ({ message }) => {
          if (message.kind === 'providers') resolve(message.providers);
        },
        onGone: (why) => reject(new CutpointError('CUT_WORKER_DIED', `The worker asked for providers ${why}.`)),
      });
      stop = () => host.stop();
      onCancel(signal, () => signal && reject(cancelReason(signal)));
      host.post({ message: { kind: 'providers' }, payloads: [] });
    });
  } finally {
    await stop();
  }
}
