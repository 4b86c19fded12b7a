import { CutpointError } from '@cutpoint/core';
import type { KeptChoice } from './choose-provider.js';
import type { ProviderChoice } from './provider-choice.js';
import { forgetChoice } from './remembered-choices.js';

/** What was opened, and on what. */
export interface Chosen<T> {
  readonly opened: T;
  readonly provider: ProviderChoice;
}

/**
 * Opens something on the provider that was chosen by measurement; where that fails by now, on the CPU, and the choice is forgotten.
 * @throws CutpointError what opening it on the CPU throws; CUT_CANCELLED.
 */
export async function openChosen<T>(
  { key, choice }: KeptChoice,
  open: (provider: string) => Promise<T>,
): Promise<Chosen<T>> {
  if (choice.provider === 'cpu') return { opened: await open('cpu'), provider: choice };
  try {
    return { opened: await open(choice.provider), provider: choice };
  } catch (thrown) {
    if (!(thrown instanceof CutpointError) || thrown.code === 'CUT_CANCELLED') throw thrown;
    const kept = await forgetChoice(key);
    const notice = `${choice.provider}, which was measured as the fastest, is not used: ${thrown.message}`;
    const notices = [...choice.notices, notice, ...(kept === undefined ? [] : [kept])];
    return { opened: await open('cpu'), provider: { ...choice, provider: 'cpu', how: 'fallback', notices } };
  }
}
