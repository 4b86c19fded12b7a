import { type DeviceId, desiredState, maxBytesOf } from '@cutpoint/control';
import { CutpointError } from '@cutpoint/core';
import type { FleetAssignments } from './rollout.js';

/** What generation and signature take beside the assignments. */
const besideBytes = 4096;

/**
 * Makes sure that each device can be told what it shall run: one that cannot read it would be waited for in vain.
 * @throws CutpointError CUT_DEPLOYMENT
 */
export function checkDesired(fleet: FleetAssignments): void {
  for (const [device, assignments] of fleet) {
    const { error } = desiredState.shape.assignments.safeParse(assignments);
    const [issue] = error?.issues ?? [];
    if (issue !== undefined) throw tooMuch(device, `${['assignments', ...issue.path].join('.')}: ${issue.message}`);
    const bytes = Buffer.byteLength(JSON.stringify(assignments)) + besideBytes;
    if (bytes > maxBytesOf.desired)
      throw tooMuch(device, `it takes ${bytes} bytes, but a message may have ${maxBytesOf.desired}`);
  }
}

function tooMuch(device: DeviceId, why: string): CutpointError {
  const message = `${device} cannot be told all that it would have to run (${why}): undeploy something first.`;
  return new CutpointError('CUT_DEPLOYMENT', message);
}
