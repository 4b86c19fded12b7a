import type { ErrorCode } from '@cutpoint/core';

/** The provider that is looked for by measurement. */
export const autoProvider = 'auto';

/** What came of trying a provider on something, beside the CPU. */
export type ProviderTrial =
  | {
      readonly provider: string;
      readonly outcome: 'right';
      /** Of one run, the median of a few, in ms. */
      readonly ms: number;
      /** See `differenceOf`; 0 of the CPU, which the others are compared with. */
      readonly difference: number;
    }
  | { readonly provider: string; readonly outcome: 'wrong'; readonly difference: number | null; readonly most: number }
  | { readonly provider: string; readonly outcome: 'failed'; readonly code: ErrorCode; readonly message: string };

/** What computes something, and why. */
export interface ProviderChoice {
  readonly provider: string;
  /** `asked`: by whoever gave its name. `fallback`: what was chosen failed later. */
  readonly how: 'asked' | 'measured' | 'remembered' | 'fallback';
  readonly trials: readonly ProviderTrial[];
  /** Sentences: which other providers are not used, and why. */
  readonly notices: readonly string[];
}

/** What was asked for by its name is not looked at further. */
export function askedFor(provider: string): ProviderChoice {
  return { provider, how: 'asked', trials: [], notices: [] };
}

/** Why providers are not used, other than that they are slower. */
export function noticesOf(trials: readonly ProviderTrial[]): readonly string[] {
  return trials.flatMap((trial) => noticeOf(trial) ?? []);
}

function noticeOf(trial: ProviderTrial): string | undefined {
  const { provider, outcome } = trial;
  if (outcome === 'right') return undefined;
  if (outcome === 'failed') return `${provider} is not used (${trial.code}): ${trial.message}`;
  const [difference, most] = [percent(trial.difference), percent(trial.most)];
  return `${provider} is not used: what it computes is ${difference} away from what the CPU does, more than ${most}.`;
}

function percent(share: number | null): string {
  return share === null ? 'without bound' : `${(100 * share).toPrecision(2)} %`;
}
