import { type CancelSignal, CutpointError } from '@cutpoint/core';
import { orCancelled } from './or-cancelled.js';
import type { ProviderInfo } from './segment.js';
import { startThreadHost } from './thread-host.js';

/**
 * The execution providers that the installed runtime knows. Asks a worker, as the native library blocks its thread.
 * @throws CutpointError CUT_WORKER_DIED if the native library cannot be loaded, or the signal's reason.
 */
export async function listProviders(signal?: CancelSignal): Promise<readonly ProviderInfo[]> {
  const answer = new Promise<readonly ProviderInfo[]>((resolve, reject) => {
    const host = startThreadHost({
      onPacket: ({ message }) => {
        if (message.kind === 'providers') resolve(message.providers);
      },
      onGone: (why) => reject(new CutpointError('CUT_WORKER_DIED', `The worker asked for providers ${why}.`)),
    });
    host.post({ message: { kind: 'providers' }, payloads: [] });
    // It stops when it has answered, in its own time.
    void host.stop();
  });
  return await orCancelled(answer, signal);
}
