import { InvalidArgumentError } from 'commander';

const mostSpecs = 200;

/** `--codecs "raw f16 image:format=webp,quality=90"`: specs have commas in them, so spaces stand between them. */
export function parseSpecs(text: string): readonly string[] {
  const specs = text.split(/\s+/).filter((spec) => spec !== '');
  if (specs.length > 0 && specs.length <= mostSpecs) return specs;
  throw new InvalidArgumentError(`Give 1 to ${mostSpecs} codecs with spaces between, in quotes.`);
}
