import type { Identities } from '../identity/identities.js';
import { certificateRequest, keyPem, makeKeys } from '../identity/keys.js';
import type { FleetIdentity } from '../identity/names.js';
import type { DeviceId } from '../ids.js';

/** A certificate in a page's name, for the server's connection to the broker: a browser can hold none for MQTT. PEM, both. */
export interface StandIn {
  readonly cert: string;
  readonly key: string;
}

/** Good for less time than a certificate, and made anew then. */
const keptMs = 10 * 24 * 60 * 60_000;

/**
 * Makes certificates in the names of pages. The broker then holds a page to its own topics as it does any device, and what
 * revokes the page revokes these as well. Their keys stay in memory.
 */
export class StandIns {
  readonly #identities: Identities;
  readonly #made = new Map<DeviceId, StandIn & { readonly atMs: number }>();

  constructor(identities: Identities) {
    this.#identities = identities;
  }

  /** @throws CutpointError CUT_REVOKED, CUT_CERTIFICATE */
  async of(identity: FleetIdentity): Promise<StandIn> {
    const { device } = identity;
    const known = this.#made.get(device);
    const nowMs = this.#identities.nowMs();
    if (known !== undefined && nowMs - known.atMs < keptMs) return known;
    const keys = await makeKeys();
    const { certificate } = await this.#identities.renew(identity, await certificateRequest(keys));
    const made = { cert: certificate, key: await keyPem(keys), atMs: nowMs };
    this.#made.set(device, made);
    return made;
  }

  /** The device was revoked, and with it what was made here. */
  forget(device: DeviceId): void {
    this.#made.delete(device);
  }
}
