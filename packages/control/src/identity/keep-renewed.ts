import { isDeepStrictEqual } from 'node:util';
import { asCutpointError, type CutpointError } from '@cutpoint/core';
import type { DeviceId } from '../ids.js';
import { pause } from '../pause.js';
import { type DeviceIdentity, saveIdentity } from './device-identity.js';
import { askAdvice, renewDevice } from './renew-device.js';
import { certificateAge, renewalDue } from './renewal.js';

export interface KeepRenewedOptions {
  /** Where the identity is kept. */
  readonly folder: string;
  readonly identity: DeviceIdentity;
  /** Ends it. */
  readonly signal: AbortSignal;
  /** The identity is another now, or the broker elsewhere, and is saved already: listeners have to be given it. */
  readonly onRenewed: (identity: DeviceIdentity) => void;
  /** The certificates, by their serials, and the devices to refuse from now on. */
  readonly onRevoked: (serials: readonly string[], devices: readonly DeviceId[]) => void;
  /** A round failed; the next one comes. CUT_REVOKED: this device is no longer wanted. */
  readonly onError: (error: CutpointError) => void;
  /** How often the server is asked; sooner after a failure. */
  readonly everyMs?: number;
  /** Is given what ends a pause, for whoever knows that there is something to hear. */
  readonly onPause?: (wake: () => void) => void;
}

const usualEveryMs = 60 * 60_000;
const roundMs = 30_000;
/** After a failure the next round comes this many times sooner. */
const hurry = 10;

/** Keeps the certificate of a device good and its list of revoked ones fresh until `signal` aborts. Never throws. */
export async function keepRenewed(options: KeepRenewedOptions): Promise<void> {
  const { signal, everyMs = usualEveryMs } = options;
  let { identity } = options;
  let ageMs = certificateAge(identity.receivedAtMs);
  while (!signal.aborted) {
    let waitMs = everyMs;
    try {
      const deadline = AbortSignal.any([signal, AbortSignal.timeout(roundMs)]);
      const advice = await askAdvice(identity, deadline);
      options.onRevoked(advice.revoked, advice.revokedDevices);
      const due = advice.renew || renewalDue({ ageMs: ageMs(), lifetimeMs: identity.lifetimeMs });
      const moved = advice.broker !== undefined && !isDeepStrictEqual(advice.broker, identity.broker);
      if (due) identity = await renewDevice(identity, deadline);
      if (due) ageMs = certificateAge(identity.receivedAtMs);
      if (moved) identity = { ...identity, broker: advice.broker };
      if (due || moved) {
        saveIdentity(options.folder, identity);
        options.onRenewed(identity);
      }
    } catch (thrown) {
      if (signal.aborted) return;
      options.onError(asCutpointError(thrown, 'CUT_INTERNAL'));
      waitMs = everyMs / hurry;
    }
    const awake = new AbortController();
    options.onPause?.(() => awake.abort());
    await pause(waitMs, AbortSignal.any([signal, awake.signal]));
  }
}
