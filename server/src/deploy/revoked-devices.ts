import type { DeploymentId, DeviceId } from '@cutpoint/control';
import { CutpointError } from '@cutpoint/core';
import type { FleetAssignments } from './rollout.js';
import { deploymentIn } from './rollout-views.js';

/**
 * What devices shall run by a change of one deployment, without those that were revoked: they would be waited for in vain, so
 * that nothing could be undeployed any more that shares a device with something else.
 * @throws CutpointError CUT_DEPLOYMENT if the deployment itself needs one
 */
export function withoutRevoked(
  fleet: FleetAssignments,
  deployment: DeploymentId,
  isRevoked: (device: DeviceId) => boolean,
): FleetAssignments {
  const revoked = [...deploymentIn(fleet, deployment).keys()].find(isRevoked);
  if (revoked !== undefined) throw needsRevoked(revoked);
  return new Map([...fleet].filter(([device]) => !isRevoked(device)));
}

/** Why a deployment is refused that needs a device which was revoked. */
export function needsRevoked(device: DeviceId): CutpointError {
  return new CutpointError('CUT_DEPLOYMENT', `${device} was revoked: pair it again, or deploy without it.`);
}
