import type { CancelSignal } from '@cutpoint/core';
import { listProviders } from '../segment/list-providers.js';
import { autoProvider } from './provider-choice.js';
import { refuseModelProvider, unknownProvider } from './provider-names.js';

/**
 * Makes sure that there is a provider of this name for segments, before any is loaded. Whether it finds a device shows then.
 * @throws CutpointError CUT_PROVIDER
 */
export async function requireProvider(provider: string, signal?: CancelSignal): Promise<void> {
  if (provider === 'cpu' || provider === autoProvider) return;
  refuseModelProvider(provider);
  const known = (await listProviders(signal)).map(({ name }) => name);
  if (known.includes(provider)) return;
  throw unknownProvider(provider, known);
}
