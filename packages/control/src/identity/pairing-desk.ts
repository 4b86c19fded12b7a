import { CutpointError } from '@cutpoint/core';
import type { DeviceId } from '../ids.js';
import { lifetimeMs, type MadeCertificate } from './authority.js';
import type { Identities, KeyProof } from './identities.js';
import { keysOf, newCode, type PairingKeys } from './pairing-code.js';
import { isGenuineRequest, makeReply, type PairingReply, type PairingRequest } from './pairing-messages.js';

/** How long a code may be used. */
export const codeLifetimeMs = 10 * 60_000;
/** Wrong proofs in all until every open code is withdrawn. */
export const maxTries = 5;
const maxOpen = 16;
/** Codes that are no longer good, to tell why. */
const maxSpent = 64;

/** Whom a code lets in. */
export interface Offer {
  /** What the device will be called; without it the device says. A device of that name loses its former certificates. */
  readonly device?: DeviceId | undefined;
  /** Host names and addresses that its certificate carries beside its name and NAME.local. */
  readonly hosts?: readonly string[] | undefined;
}

interface OpenOffer extends Offer {
  readonly keys: PairingKeys;
  readonly openedAtMs: number;
}

/** A page in a browser that would be let in. */
export interface PairingPage {
  readonly code: string;
  /** What it would like to be called. */
  readonly name: DeviceId | undefined;
  readonly key: KeyProof;
}

/**
 * Gives codes out and lets devices in that know one. Codes live in memory and on the monotonic clock: a restart of the
 * server withdraws them, and a clock that is set does not prolong them.
 */
export class PairingDesk {
  readonly #identities: Identities;
  readonly #monotonicMs: () => number;
  readonly #open = new Map<string, OpenOffer>();
  /** By the id of a code: how it ended. */
  readonly #spent = new Map<string, 'used' | 'expired' | 'withdrawn'>();
  #wrongTries = 0;
  #answering = 0;

  constructor(identities: Identities, monotonicMs: () => number = () => performance.now()) {
    this.#identities = identities;
    this.#monotonicMs = monotonicMs;
  }

  /** Makes a code. @throws CutpointError CUT_OVERLOADED if too many are open */
  async open(offer: Offer): Promise<{ readonly code: string; readonly lifetimeMs: number }> {
    const code = newCode();
    const keys = await keysOf(code);
    this.#expire();
    if (this.#open.size >= maxOpen) {
      throw new CutpointError('CUT_OVERLOADED', `${maxOpen} pairing codes are open already: use them or wait.`);
    }
    if (this.#open.size === 0) this.#wrongTries = 0;
    this.#open.set(keys.id, { ...offer, keys, openedAtMs: this.#monotonicMs() });
    return { code, lifetimeMs: codeLifetimeMs };
  }

  /**
   * Answers a device.
   * @param serverKeyHash SHA-256 of the public key that this server showed on the connection
   * @param from the network address of the device, for the audit log
   * @throws CutpointError CUT_PAIRING if the device is not let in
   */
  async answer(request: PairingRequest, serverKeyHash: Uint8Array, from: string): Promise<PairingReply> {
    return await this.#counted(from, async () => {
      const { keys, ...offer } = this.#take(request.id, (known) => isGenuineRequest(known, serverKeyHash, request));
      const device = this.#nameOf(offer, request.name);
      // Nothing waits between the look at the code and its end: it is good once.
      this.#spend(keys.id, 'used');
      const hosts = [...new Set([device, `${device}.local`, ...(offer.hosts ?? [])])];
      const der = Buffer.from(request.request, 'base64');
      const { certificate } = await this.#identities.admit({ device, role: 'agent', hosts, request: der });
      const { fleet, authority, nowMs } = this.#identities;
      const { broker } = this.#identities.places;
      const about = { fleet, device, role: 'agent' as const, ...(broker !== undefined && { broker }) };
      const grant = { ...about, certificate, authority, nowMs: nowMs(), lifetimeMs };
      return makeReply(keys, serverKeyHash, request, grant);
    });
  }

  /**
   * Lets a page in that shows the code itself: it was loaded from this server, so whoever sits between could have read it anyway.
   * It is reached at no address, so its certificate names none.
   * @throws CutpointError CUT_PAIRING if it is not let in, CUT_USAGE if that can be no code
   */
  async admitPage({ code, name, key }: PairingPage, from: string): Promise<MadeCertificate & { device: DeviceId }> {
    return await this.#counted(from, async () => {
      const { id } = await keysOf(code);
      const offer = this.#take(id, () => true);
      const device = this.#nameOf(offer, name);
      this.#spend(id, 'used');
      return { device, ...(await this.#identities.admit({ device, role: 'agent', hosts: [], request: key })) };
    });
  }

  async #counted<T>(from: string, letIn: () => Promise<T>): Promise<T> {
    this.#answering++;
    try {
      return await letIn();
    } catch (thrown) {
      if (thrown instanceof CutpointError) this.#identities.noteRefusal('pairing-refused', from, thrown.message);
      throw thrown;
    } finally {
      this.#answering--;
    }
  }

  /** Whether a device is being let in. */
  get isAnswering(): boolean {
    return this.#answering > 0;
  }

  /** Whether a code can be used now. */
  get isOpen(): boolean {
    this.#expire();
    return this.#open.size > 0;
  }

  #take(id: string, isGenuine: (keys: PairingKeys) => boolean): OpenOffer {
    this.#expire();
    const offer = this.#open.get(id);
    if (offer !== undefined && isGenuine(offer.keys)) return offer;
    const spent = this.#spent.get(id);
    // Who names a code that was given out knows it: this tells a guesser nothing.
    if (offer === undefined && spent !== undefined)
      throw refused(`The code was ${spent === 'expired' ? 'not used in time' : spent}`);
    this.#countWrongTry();
    if (offer === undefined) throw refused('There is no such code');
    throw refused('The proof does not fit this server: somebody may be in between');
  }

  #nameOf(offer: Offer, wished: DeviceId | undefined): DeviceId {
    const device = offer.device ?? wished;
    if (device === undefined) throw refused('Nobody said what the device is called: give it a name');
    // It would be taken for the machine that somebody sits at.
    if (device === 'localhost') throw refused('A device cannot be called localhost');
    if (offer.device === undefined && this.#identities.has(device)) {
      throw refused(`There is a device ${device} already; cutpoint pair --new --name ${device} lets it pair again`);
    }
    return device;
  }

  #countWrongTry(): void {
    if (this.#open.size === 0) return;
    this.#wrongTries++;
    if (this.#wrongTries < maxTries) return;
    for (const id of [...this.#open.keys()]) this.#spend(id, 'withdrawn');
  }

  #expire(): void {
    for (const [id, { openedAtMs }] of this.#open) {
      if (this.#monotonicMs() - openedAtMs >= codeLifetimeMs) this.#spend(id, 'expired');
    }
  }

  #spend(id: string, how: 'used' | 'expired' | 'withdrawn'): void {
    this.#open.delete(id);
    this.#spent.set(id, how);
    for (const oldest of this.#spent.keys()) {
      if (this.#spent.size <= maxSpent) break;
      this.#spent.delete(oldest);
    }
  }
}

function refused(why: string): CutpointError {
  return new CutpointError('CUT_PAIRING', `${why}. A new code: cutpoint pair --new, on the server.`);
}
