import { splitSpecs } from '@cutpoint/codec';
import { InvalidArgumentError } from 'commander';

const mostSpecs = 200;

/** `--codecs raw,affine:bits=4,per=token,f16`: the commas between keys of one codec do not divide. */
export function parseSpecs(text: string): readonly string[] {
  const specs = splitSpecs(text).filter((spec) => spec !== '');
  if (specs.length > 0 && specs.length <= mostSpecs) return specs;
  throw new InvalidArgumentError(`Give 1 to ${mostSpecs} codecs with commas between.`);
}
