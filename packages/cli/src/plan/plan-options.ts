import { type Objective, objectives, type Pick, pickNames } from '@cutpoint/plan';
import { InvalidArgumentError } from 'commander';

/** A rule by name, or objectives in the order in which they count. */
export type PickOption =
  | Extract<Pick, string>
  | { readonly lexicographic: readonly Objective[]; readonly tolerance: number };

/** Plans within this share of the best in one objective are compared in the next. */
const tolerance = 0.05;

/** `--objective latency,energy`. */
export function parseObjectives(text: string): readonly Objective[] {
  return [...new Set(text.split(',').map((name) => parseObjective(name.trim())))];
}

function parseObjective(name: string): Objective {
  const objective = objectives.find((candidate) => candidate === name);
  if (objective === undefined) throw new InvalidArgumentError(`The objectives are ${objectives.join(', ')}.`);
  return objective;
}

/** `--pick knee`, `--pick min-latency` or `--pick latency,energy`: the best in the first, of the nearly equal in the second. */
export function parsePick(text: string): PickOption {
  const name = pickNames.find((candidate) => candidate === text);
  if (name !== undefined) return name;
  try {
    return { lexicographic: parseObjectives(text), tolerance };
  } catch {
    const help = `Give one of ${pickNames.join(', ')}, or objectives in the order in which they count.`;
    throw new InvalidArgumentError(help);
  }
}

/** A share from 0 to 1, e.g. `--max-loss 0.01`. */
export function parseShare(text: string): number {
  const value = parseQuantity(text);
  if (value > 1) throw new InvalidArgumentError('Give a share from 0 to 1: 0.01 is one percent.');
  return value;
}

/** A number, 0 or more, e.g. `--max-latency-ms 12.5`. */
export function parseQuantity(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < 0) {
    throw new InvalidArgumentError('Give a number, 0 or more.');
  }
  return value;
}
