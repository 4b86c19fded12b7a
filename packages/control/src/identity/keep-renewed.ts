import { setTimeout as sleep } from 'node:timers/promises';
import { asCutpointError, type CutpointError } from '@cutpoint/core';
import { type DeviceIdentity, saveIdentity } from './device-identity.js';
import { askAdvice, renewDevice } from './renew-device.js';
import { certificateAge, renewalDue } from './renewal.js';

export interface KeepRenewedOptions {
  /** Where the identity is kept. */
  readonly folder: string;
  readonly identity: DeviceIdentity;
  /** Ends it. */
  readonly signal: AbortSignal;
  /** The identity is another now, and is saved already: listeners have to be given it. */
  readonly onRenewed: (identity: DeviceIdentity) => void;
  /** The serials to refuse from now on. */
  readonly onRevoked: (serials: readonly string[]) => void;
  /** A round failed; the next one comes. CUT_REVOKED: this device is no longer wanted. */
  readonly onError: (error: CutpointError) => void;
  /** How often the server is asked; sooner after a failure. */
  readonly everyMs?: number;
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
      options.onRevoked(advice.revoked);
      if (advice.renew || renewalDue({ ageMs: ageMs(), lifetimeMs: identity.lifetimeMs })) {
        identity = await renewDevice(identity, deadline);
        ageMs = certificateAge(identity.receivedAtMs);
        saveIdentity(options.folder, identity);
        options.onRenewed(identity);
      }
    } catch (thrown) {
      if (signal.aborted) return;
      options.onError(asCutpointError(thrown, 'CUT_INTERNAL'));
      waitMs = everyMs / hurry;
    }
    // Only the signal ends a wait early, and then the loop ends.
    await sleep(waitMs, undefined, { signal }).catch(() => undefined);
  }
}
