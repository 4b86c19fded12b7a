import { CutpointError } from '@cutpoint/core';
import type { DeviceId } from '../ids.js';

/** What is said of a device that may be in the fleet no longer. */
export function revokedError(device: DeviceId): CutpointError {
  return new CutpointError('CUT_REVOKED', `${device} was revoked: pair it again, if it may be in the fleet.`);
}
