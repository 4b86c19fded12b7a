import { InvalidArgumentError } from 'commander';
import { parsePositive } from '../options.js';

const mostLengths = 100;

/** `--lengths 16,256,1024`: tokens, ascending or not. */
export function parseLengths(text: string): readonly number[] {
  const lengths = text.split(',').map((part) => parsePositive(part.trim()));
  if (lengths.length <= mostLengths) return lengths;
  throw new InvalidArgumentError(`Give ${mostLengths} lengths at most.`);
}
