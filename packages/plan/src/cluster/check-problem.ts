import { CutpointError } from '@cutpoint/core';
import type { ClusterProblem } from './problem.js';

/** So many devices are searched through. */
export const mostDevices = 8;

/** @throws CutpointError CUT_USAGE for lengths that are none, or too many devices. */
export function checkClusterProblem({ devices, promptTokens, lengthTokens }: ClusterProblem): void {
  if (devices.length < 1 || devices.length > mostDevices) {
    usage(`A cluster is planned of 1 to ${mostDevices} devices, not of ${devices.length}`);
  }
  for (const [what, value] of Object.entries({ promptTokens, lengthTokens })) {
    if (!Number.isSafeInteger(value) || value < 1) usage(`${what} is ${value}, but must be a whole number from 1 on`);
  }
  if (promptTokens > lengthTokens) {
    usage(`The prompt has ${promptTokens} tokens, but the whole text only ${lengthTokens}`);
  }
}

function usage(what: string): never {
  throw new CutpointError('CUT_USAGE', `${what}.`);
}
