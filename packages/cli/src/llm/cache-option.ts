import { cacheKinds } from '@cutpoint/llm';
import { Option } from 'commander';

/** `--cache`: how keys and values are kept. */
export function cacheOption(): Option {
  return new Option('--cache <kind>', 'keys and values in f32, f16 or 8 bits').choices(cacheKinds).default('f32');
}
