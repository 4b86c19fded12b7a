import { type BlockSize, blockSizes, type WeightBits, weightBits } from '@cutpoint/llm';
import { InvalidArgumentError } from 'commander';

/** `--bits`: one of the widths. */
export function parseBits(text: string): WeightBits {
  return oneOf(weightBits, text);
}

/** `--block`: one of the sizes of blocks. */
export function parseBlock(text: string): BlockSize {
  return oneOf(blockSizes, text);
}

function oneOf<Value extends number>(values: readonly Value[], text: string): Value {
  const found = values.find((value) => String(value) === text);
  if (found !== undefined) return found;
  throw new InvalidArgumentError(`Give one of ${values.join(', ')}.`);
}
