import { type BlockSize, blockSizes, type SplitBits, type WeightBits, weightBits } from '@cutpoint/llm';
import { InvalidArgumentError } from 'commander';

/** `--bits`: one of the widths. */
export function parseBits(text: string): WeightBits {
  return oneOf(weightBits, text);
}

/** `--block`: one of the sizes of blocks. */
export function parseBlock(text: string): BlockSize {
  return oneOf(blockSizes, text);
}

/** `--opsc`: `8:4:8`. */
export function parseOpsc(text: string): SplitBits {
  const [cut, front, back, ...rest] = text.split(':');
  if (cut === undefined || front === undefined || back === undefined || rest.length > 0 || !/^\d{1,4}$/.test(cut)) {
    throw new InvalidArgumentError('Give a cut and two widths, like 8:4:8.');
  }
  return { cut: Number(cut), front: parseBits(front), back: parseBits(back) };
}

function oneOf<Value extends number>(values: readonly Value[], text: string): Value {
  const found = values.find((value) => String(value) === text);
  if (found !== undefined) return found;
  throw new InvalidArgumentError(`Give one of ${values.join(', ')}.`);
}
