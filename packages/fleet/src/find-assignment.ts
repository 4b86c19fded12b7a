import type { Assignment } from '@cutpoint/control';
import { CutpointError } from '@cutpoint/core';

/**
 * The deployment that a request means: by its own name, else by the name of its model where only one has it; without a
 * name the only one there is.
 * @throws CutpointError CUT_NOT_FOUND, with what there is
 */
export function findAssignment(all: readonly Assignment[], name: string | undefined): Assignment {
  const named = all.filter(({ deployment }) => deployment === name);
  const meant = name === undefined ? all : named.length > 0 ? named : all.filter(({ model }) => model.name === name);
  const [found, another] = meant;
  if (found !== undefined && another === undefined) return found;
  const known = all.map(({ deployment }) => deployment).join(', ');
  const here = known === '' ? 'Nothing is deployed that requests can begin for here' : `Deployed here: ${known}`;
  const what =
    name === undefined || another !== undefined ? 'the request must name one' : `"${name}" is not among them`;
  throw new CutpointError('CUT_NOT_FOUND', `${here}; ${what}.`);
}
