import { type CacheKind, cacheChoices, cacheKinds } from '@cutpoint/llm';
import { InvalidArgumentError, Option } from 'commander';

/** `--cache`: how keys and values are kept. */
export function cacheOption(): Option {
  return new Option('--cache <kind>', 'keys and values in f32, f16 or 8 bits').choices(cacheKinds).default('f32');
}

/** `--cache` of a verb that may run the layers before a cut without one. */
export function agentCacheOption(): Option {
  const what =
    'keys and values in f32, f16 or 8 bits; none (with --at): those of the layers here are computed anew for each token';
  return new Option('--cache <kind>', what).choices(cacheChoices).default('f32');
}

/** `f32,8`. */
export function parseCaches(text: string): CacheKind[] {
  return text.split(',').map((name) => {
    const kind = cacheKinds.find((one) => one === name);
    if (kind !== undefined) return kind;
    throw new InvalidArgumentError(`Allowed are ${cacheKinds.join(', ')}.`);
  });
}
