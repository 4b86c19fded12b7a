import type { Setting } from './setting.js';

/** What the value of a setting must be, to follow "must be" in a sentence. */
export function expected({ kind, choices, least, most }: Setting): string {
  switch (kind) {
    case 'text':
      return 'a text that is not empty';
    case 'choice':
      return `one of ${choices.join(', ')}`;
    case 'switch':
      return 'true or false';
    case 'whole':
      return `a whole number${range(least, most)}`;
    case 'wholes':
      return `whole numbers${range(least, most)} with commas between, for example 12,40`;
    case 'choices':
      return `one or several of ${choices.join(', ')} with commas between`;
    case 'specs':
      return 'specs of codecs with commas between, for example raw or affine:bits=4,per=token+rans';
    case 'pairs':
      return `names with whole numbers${range(least, most)}, for example batch=1`;
    default:
      return `a number${range(least, most)}`;
  }
}

function range(least: number | undefined, most: number | undefined): string {
  if (least !== undefined && most !== undefined) return ` from ${least} to ${most}`;
  if (least !== undefined) return ` of at least ${least}`;
  return most === undefined ? '' : ` of at most ${most}`;
}

const shownLength = 80;

/** A value that was given, as it may stand in a sentence. */
export function shown(value: unknown): string {
  if (value === null || value === undefined) return 'empty';
  const text = JSON.stringify(value);
  return text.length <= shownLength ? text : `${text.slice(0, shownLength)}...`;
}
