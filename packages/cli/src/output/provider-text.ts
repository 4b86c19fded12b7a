import type { ProviderChoice } from '@cutpoint/runtime';

/** In what computed something, and why, as a table's cell. */
export function providerText({ provider, how, notices }: ProviderChoice): string {
  const why = how === 'asked' ? '' : ` (${how})`;
  return [`${provider}${why}`, ...notices].join('; ');
}
