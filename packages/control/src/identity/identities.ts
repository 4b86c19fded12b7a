import type { webcrypto, X509Certificate } from 'node:crypto';
import { CutpointError } from '@cutpoint/core';
import type { PeerCheck } from '@cutpoint/wire';
import type { DeviceId, FleetId } from '../ids.js';
import type { DesiredState } from '../messages.js';
import type { DeviceRole, PairedDevice } from '../store/devices.js';
import type { Store } from '../store/store.js';
import { type Authority, backDatedMs, lifetimeMs, type MadeCertificate } from './authority.js';
import type { BrokerPlace } from './broker-place.js';
import { type Expectation, fleetCheck } from './check-peer.js';
import { keyOfRequest } from './keys.js';
import type { FleetIdentity } from './names.js';
import { renewalDue } from './renewal.js';
import { revokedError } from './revoked.js';
import { signDeployment } from './signed-deployment.js';

/** Before this no Cutpoint was: a clock that says so has not been set. */
const firstReleaseMs = Date.UTC(2026, 0, 1);
const forgetAfterMs = 400 * 24 * 60 * 60_000;

/** A device that shall get its first certificate, or another one after it was revoked or set up anew. */
export interface Admission {
  readonly device: DeviceId;
  readonly role: DeviceRole;
  readonly hosts: readonly string[];
  /** Whether others may have the same hosts, as a server has those of a broker on its machine. */
  readonly sharesHosts?: boolean;
  /** How long its certificate is good for; 30 days where it can be renewed. */
  readonly lifetimeMs?: number;
  readonly request: KeyProof;
}

/** A request for a certificate (PKCS #10, DER), or the key itself of whoever has proven otherwise that it is theirs. */
export type KeyProof = Uint8Array | webcrypto.CryptoKey;

/** The server's side of identities: who is in the fleet, with which certificates. */
export class Identities {
  readonly fleet: FleetId;
  /** The certificate of the authority, PEM. */
  readonly authority: string;
  readonly nowMs: () => number;
  /**
   * Where devices find the broker, told when they pair and ask; where programs of this machine find the HTTP API; and what
   * devices are paired at listens on, such as `https://0.0.0.0:7480`.
   */
  readonly places: { broker?: BrokerPlace; api?: string; pairing?: string } = {};
  readonly #store: Store;
  readonly #authority: Authority;
  readonly #onRevoked = new Set<(device: DeviceId) => void>();
  #tell: (revoked: DeviceId) => Promise<readonly DeviceId[]> = async () => [];

  constructor(store: Store, authority: Authority, nowMs: () => number = Date.now) {
    this.fleet = authority.fleet;
    this.authority = authority.certificate;
    this.nowMs = nowMs;
    this.#store = store;
    this.#authority = authority;
  }

  /** The check for listeners and connections of this server. */
  check(expected?: Expectation): PeerCheck {
    const { fleet, authority, nowMs } = this;
    return fleetCheck({ fleet, authority, nowMs, standing: (serial) => this.#standing(serial) }, expected);
  }

  /** Who shows a certificate to a listener of this server. @throws CutpointError CUT_UNPAIRED, CUT_CERTIFICATE, CUT_REVOKED */
  identify(certificate: X509Certificate | undefined): FleetIdentity {
    return this.check()({ certificate, host: undefined }) as FleetIdentity; // what `fleetCheck` gives
  }

  /** Hears of each device right after it was revoked, to close its connections. Gives what stops it. */
  onRevoked(listener: (device: DeviceId) => void): Disposable {
    this.#onRevoked.add(listener);
    return { [Symbol.dispose]: () => this.#onRevoked.delete(listener) };
  }

  /**
   * Sets what tells the other devices of a revocation and gives those that have not confirmed it. It is called after all
   * that hear of it by `onRevoked`, and must not fail.
   */
  tellBy(tell: (revoked: DeviceId) => Promise<readonly DeviceId[]>): void {
    this.#tell = tell;
  }

  /**
   * Takes a device into the fleet; certificates that it had before are revoked.
   * @throws CutpointError CUT_PAIRING if the request is broken or a host is another device's; CUT_CERTIFICATE if the
   *   server's clock cannot be right
   */
  async admit({
    device,
    role,
    hosts,
    request,
    sharesHosts = false,
    lifetimeMs: goodForMs,
  }: Admission): Promise<MadeCertificate> {
    const publicKey = await keyOf(request);
    const nowMs = this.#plausibleNowMs();
    const made = await this.#authority.make({
      publicKey,
      device,
      role,
      hosts,
      nowMs,
      lifetimeMs: goodForMs ?? lifetimeMs,
    });
    // Without a wait from here on: two devices must not both find a host free.
    const former = this.#store.transaction(() => {
      const claimed = sharesHosts ? [] : hosts;
      this.#checkHosts(device, claimed);
      this.#store.devices.put({ device, role, hosts: claimed, pairedAtMs: nowMs });
      const revoked = this.#store.devices.revokeCertificates(device, nowMs);
      this.#store.devices.addCertificate({ device, ...made });
      this.#audit('paired', device, `${role}, certificate ${made.serial}`);
      return revoked;
    });
    // Who has not confirmed it stands in the log.
    if (former.length > 0) void this.#tellRevoked(device);
    return made;
  }

  /** Another certificate for a device that has one, maybe for other hosts; the one it has stays good. @throws CutpointError CUT_REVOKED, CUT_PAIRING, CUT_CERTIFICATE */
  async renew(
    { device, serial }: FleetIdentity,
    request: KeyProof,
    changed: { readonly hosts?: readonly string[] } = {},
  ): Promise<MadeCertificate> {
    const publicKey = await keyOf(request);
    const nowMs = this.#plausibleNowMs();
    const paired = this.#paired(device);
    const { role, hosts } = { ...paired, ...changed };
    const made = await this.#authority.make({ publicKey, device, role, hosts, nowMs, lifetimeMs });
    this.#store.transaction(() => {
      // It may have been revoked meanwhile.
      if (this.#standing(serial) !== 'valid') throw revokedError(device);
      if (changed.hosts !== undefined) {
        this.#checkHosts(device, hosts);
        this.#store.devices.put({ ...paired, hosts });
      }
      this.#store.devices.addCertificate({ device, ...made });
      this.#store.devices.forgetExpired(nowMs, forgetAfterMs);
      this.#audit('renewed', device, `certificate ${made.serial} after ${serial}`);
    });
    return made;
  }

  /**
   * Revokes a device: its connections end, and none of its certificates is accepted again. Gives its serials, and the devices
   * that were told and have not confirmed it. @throws CutpointError CUT_NOT_FOUND
   */
  revoke(device: DeviceId): {
    readonly serials: readonly string[];
    readonly unconfirmed: Promise<readonly DeviceId[]>;
  } {
    const serials = this.#store.transaction(() => {
      if (this.#store.devices.get(device) === undefined) {
        throw new CutpointError('CUT_NOT_FOUND', `There is no device ${device} in the fleet ${this.fleet}.`);
      }
      this.#store.devices.markRevoked(device);
      const revokedNow = this.#store.devices.revokeCertificates(device, this.nowMs());
      this.#audit('revoked', device, revokedNow.join(', '));
      return revokedNow;
    });
    return { serials, unconfirmed: this.#tellRevoked(device) };
  }

  /** What a device is told that asks: whether its certificate shall be renewed now, and which ones it must refuse. */
  adviceFor({ serial }: FleetIdentity): {
    readonly nowMs: number;
    readonly renew: boolean;
    readonly revoked: string[];
    readonly revokedDevices: DeviceId[];
    readonly broker?: BrokerPlace | undefined;
  } {
    const nowMs = this.nowMs();
    const issuedAtMs = this.#store.devices.certificate(serial)?.issuedAtMs ?? 0;
    return {
      nowMs,
      renew: renewalDue({ ageMs: nowMs - issuedAtMs, lifetimeMs }),
      revoked: this.#store.devices.revokedSerials(nowMs),
      revokedDevices: this.#revokedDevices(),
      ...(this.places.broker !== undefined && { broker: this.places.broker }),
    };
  }

  /** The authority's signature under what a device shall run. */
  signDeployment(device: DeviceId, desired: Omit<DesiredState, 'signature'>): Promise<string> {
    return signDeployment(desired, { fleet: this.fleet, device }, (bytes) => this.#authority.sign(bytes));
  }

  /** Writes down that somebody was refused; of very many only the number, as with `hourly` of the same within an hour. */
  noteRefusal(event: string, subject: string, detail: string, often: { readonly hourly?: boolean } = {}): void {
    this.#store.audit.addStranger({ atMs: this.nowMs(), event, subject, detail }, often);
  }

  /** Whether a device of this name is in the fleet and not revoked. */
  has(device: DeviceId): boolean {
    return this.#store.devices.get(device)?.state === 'active';
  }

  /** Why nothing more is asked of a device that has shown this certificate; undefined if neither is revoked. */
  refusal(device: DeviceId, serial: string | undefined): CutpointError | undefined {
    const isRevoked =
      this.#store.devices.get(device)?.state === 'revoked' ||
      (serial !== undefined && this.#standing(serial) === 'revoked');
    return isRevoked ? revokedError(device) : undefined;
  }

  #revokedDevices(): DeviceId[] {
    const revoked = this.#store.devices.list().filter(({ state }) => state === 'revoked');
    return revoked.map(({ device }) => device);
  }

  #standing(serial: string): 'valid' | 'revoked' | 'unknown' {
    const known = this.#store.devices.certificate(serial);
    if (known === undefined) return 'unknown';
    return known.revokedAtMs === undefined ? 'valid' : 'revoked';
  }

  #paired(device: DeviceId): PairedDevice {
    const paired = this.#store.devices.get(device);
    if (paired?.state === 'active') return paired;
    throw revokedError(device);
  }

  #checkHosts(device: DeviceId, hosts: readonly string[]): void {
    for (const other of this.#store.devices.list()) {
      const taken =
        other.device === device || other.state === 'revoked'
          ? undefined
          : hosts.find((host) => other.hosts.includes(host));
      if (taken === undefined) continue;
      throw new CutpointError('CUT_PAIRING', `${device} cannot be called ${taken}: that is a name of ${other.device}.`);
    }
  }

  /** Certificates that a wrong clock dates would be refused by all others. */
  #plausibleNowMs(): number {
    const nowMs = this.nowMs();
    const earliestMs = Math.max(firstReleaseMs, (this.#store.devices.newestIssueMs() ?? 0) - backDatedMs);
    if (nowMs >= earliestMs) return nowMs;
    const message = `The clock of this server says ${new Date(nowMs).toISOString()}, which cannot be: set it, then try again.`;
    throw new CutpointError('CUT_CERTIFICATE', message);
  }

  #audit(event: string, subject: string, detail: string): void {
    this.#store.audit.add({ atMs: this.nowMs(), event, subject, detail });
  }

  #tellRevoked(device: DeviceId): Promise<readonly DeviceId[]> {
    for (const listener of this.#onRevoked) listener(device);
    return this.#tell(device);
  }
}

async function keyOf(request: KeyProof): Promise<webcrypto.CryptoKey> {
  return request instanceof Uint8Array ? await keyOfRequest(request) : request;
}
