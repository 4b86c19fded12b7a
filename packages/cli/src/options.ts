import { checkCrossing, splitSpecs } from '@cutpoint/codec';
import { CutpointError, messageOf } from '@cutpoint/core';
import { InvalidArgumentError } from 'commander';

/**
 * `--dim name=value`, repeatable: pass it to commander as the option's parser.
 * @example command.option('--dim <name=value>', dimHelp, parseDim)
 */
export function parseDim(text: string, previous: ReadonlyMap<string, number> = new Map()): ReadonlyMap<string, number> {
  const [, name, value] = /^([^=]+)=(\d{1,15})$/.exec(text) ?? [];
  if (name === undefined || value === undefined || Number(value) === 0) {
    throw new InvalidArgumentError('Give a name and a positive whole number, for example batch=1.');
  }
  return new Map(previous).set(name, Number(value));
}

/** The help text of `--dim`. */
export const dimHelp = 'set a symbolic dimension of the model; may be repeated';

/** `--preprocessing`, as the daemons know it. */
export const preprocessingOption = [
  '--preprocessing <file>',
  'JSON file that makes the model take pixels (default: MODEL.preprocessing.json, where it exists)',
] as const;

/** `--codec-tables`, as the daemons know it. */
export const codecTablesOption = [
  '--codec-tables <path>',
  'folder that `cutpoint calibrate` or `cutpoint llm calibrate` wrote, or one file of it, with tables of the codec transform',
] as const;

/** `--at I[,J...]`: cut indices in ascending order, as `cutpoint cuts` lists them. @throws CutpointError CUT_ILLEGAL_CUT. */
export function parseCuts(text: string): readonly number[] {
  const cuts = text.split(',').map((part) => parseWhole(part.trim()));
  const ascending = cuts.every((cut, i) => i === 0 || cut > (cuts[i - 1] ?? cut));
  if (!ascending) {
    const message = `--at ${text} is not in ascending order: give the cuts from front to back, each one once.`;
    throw new CutpointError('CUT_ILLEGAL_CUT', message);
  }
  return cuts;
}

/** `--codec C[,C...]`: the spec of one codec for all cuts, or one for each. */
export function parseCodecs(text: string): readonly string[] {
  try {
    return splitSpecs(text).map(checkCrossing);
  } catch (thrown) {
    throw new InvalidArgumentError(messageOf(thrown));
  }
}

/** `--at I`: one cut index. */
export function parseCut(text: string): number {
  return parseWhole(text);
}

/** A positive whole number, e.g. `--every 10`. */
export function parsePositive(text: string): number {
  const value = parseWhole(text);
  if (value === 0) throw new InvalidArgumentError('Give a positive whole number.');
  return value;
}

function parseWhole(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('Give a whole number, 0 or more.');
  return Number(text);
}

/** Any number. */
export function parseNumber(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value)) return value;
  throw new InvalidArgumentError('Give a number.');
}

/** `--provider` of verbs that run segments. */
export const providerOption = [
  '--provider <name>',
  'what computes segments: cpu, webgpu, cuda; auto measures each once and remembers the fastest (cutpoint gpu choices)',
  'cpu',
] as const;
