import { CutpointError } from '@cutpoint/core';
import type { ProviderInfo } from './segment.js';
import { startThreadHost } from './thread-host.js';

/** The execution providers that the installed runtime knows. Asks a worker, as the native library blocks its thread. */
export async function listProviders(): Promise<readonly ProviderInfo[]> {
  let answer: (providers: readonly ProviderInfo[]) => void;
  let fail: (error: CutpointError) => void;
  const answered = new Promise<readonly ProviderInfo[]>((resolve, reject) => {
    answer = resolve;
    fail = reject;
  });
  const host = startThreadHost({
    onPacket: ({ message }) => {
      if (message.kind === 'providers') answer(message.providers);
    },
    onGone: (why) => fail(new CutpointError('CUT_WORKER_DIED', `The worker that was asked for providers ${why}.`)),
  });
  try {
    host.post({ message: { kind: 'providers' }, payloads: [] });
    return await answered;
  } finally {
    await host.stop();
  }
}
