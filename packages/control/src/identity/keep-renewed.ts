import { isDeepStrictEqual } from 'node:util';
import { asCutpointError, CutpointError } from '@cutpoint/core';
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
  /** Is given what has the server asked anew, for whoever knows that there is something to hear. */
  readonly onStart?: (ask: AskNow) => void;
}

/**
 * Asks the server at once, or right after the round that is under way, which may have been answered before there was
 * something to hear. Resolves once the answer is known. @throws CutpointError why there is none; CUT_CANCELLED
 */
export type AskNow = () => Promise<void>;

const usualEveryMs = 60 * 60_000;
const roundMs = 30_000;
/** After failures the next round comes this many times sooner at least; */
const hurry = 10;
/** the first after so long, then after twice that and so on. Devices that failed together do not come again together. */
const firstRetryMs = 2_000;

/** Keeps the certificate of a device good and its list of revoked ones fresh until `signal` aborts. Never throws. */
export async function keepRenewed(options: KeepRenewedOptions): Promise<void> {
  const { signal, everyMs = usualEveryMs } = options;
  let { identity } = options;
  let ageMs = certificateAge(identity.receivedAtMs);
  let failures = 0;
  let awake = new AbortController();
  const asked: Asked[] = [];
  const ask = () =>
    new Promise<void>((resolve, reject) => {
      if (signal.aborted) reject(ended());
      asked.push({ resolve, reject });
      awake.abort();
    });
  signal.addEventListener('abort', () => rejectAll(asked.splice(0), ended()), { once: true });
  options.onStart?.(ask);
  while (!signal.aborted) {
    let waitMs = everyMs;
    awake = new AbortController();
    const waiting = asked.splice(0);
    try {
      const deadline = AbortSignal.any([signal, AbortSignal.timeout(roundMs)]);
      const advice = await askAdvice(identity, deadline);
      options.onRevoked(advice.revoked, advice.revokedDevices);
      for (const { resolve } of waiting) resolve();
      const due = advice.renew || renewalDue({ ageMs: ageMs(), lifetimeMs: identity.lifetimeMs });
      const moved = advice.broker !== undefined && !isDeepStrictEqual(advice.broker, identity.broker);
      if (due) identity = await renewDevice(identity, deadline);
      if (due) ageMs = certificateAge(identity.receivedAtMs);
      if (moved) identity = { ...identity, broker: advice.broker };
      if (due || moved) {
        saveIdentity(options.folder, identity);
        options.onRenewed(identity);
      }
      failures = 0;
    } catch (thrown) {
      const error = signal.aborted ? ended() : asCutpointError(thrown, 'CUT_INTERNAL');
      rejectAll(waiting, error);
      if (signal.aborted) return;
      options.onError(error);
      waitMs = Math.min(everyMs / hurry, firstRetryMs * 2 ** failures * (0.75 + Math.random() / 2));
      failures++;
    }
    await pause(waitMs, AbortSignal.any([signal, awake.signal]));
  }
}

interface Asked {
  readonly resolve: () => void;
  readonly reject: (error: CutpointError) => void;
}

function rejectAll(asked: readonly Asked[], error: CutpointError): void {
  for (const { reject } of asked) reject(error);
}

function ended(): CutpointError {
  return new CutpointError('CUT_CANCELLED', 'The device stops.');
}
