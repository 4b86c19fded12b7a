import { CutpointError } from '@cutpoint/core';
import { type DeviceId, type Generation, generation as generationSchema } from '../ids.js';
import type { DesiredState } from '../messages.js';

/** Who names a generation further ahead than this is not believed: nothing could be deployed behind the last there is. */
const longestLeap = 100_000;

/** The newest desired state of every device, whoever set it: this server, or another one over the same broker. */
export class DesiredStates {
  readonly #newest = new Map<DeviceId, DesiredState>();
  readonly #onBroker = new Map<DeviceId, Generation>();
  readonly #maxDevices: number;
  #highest: number;

  /** @param newest the last generation that was given out, as far as it is stored */
  constructor(maxDevices: number, newest = 0) {
    this.#maxDevices = maxDevices;
    this.#highest = newest;
  }

  get(device: DeviceId): DesiredState | undefined {
    return this.#newest.get(device);
  }

  /** What devices have a lease for: 0 for a device that nothing was ever deployed to. */
  generationOf(device: DeviceId): Generation {
    return this.#newest.get(device)?.generation ?? generationSchema.parse(0);
  }

  /** Greater than any generation that was heard of. @throws CutpointError CUT_DEPLOYMENT if there are no more */
  next(): Generation {
    const next = generationSchema.safeParse(this.#highest + 1).data;
    if (next !== undefined) return next;
    const message = `A server has desired generation ${this.#highest}, and there is none behind it: start the fleet anew.`;
    throw new CutpointError('CUT_DEPLOYMENT', message);
  }

  /**
   * A device says that it acts on, or works on, this generation.
   * @throws CutpointError CUT_INPUT if nobody can have given it
   */
  reported(device: DeviceId, generation: Generation | undefined): void {
    if (generation === undefined) return;
    this.#requireNear(device, generation);
    this.#heardOf(generation);
  }

  /**
   * Sets what this server desires.
   * @throws CutpointError CUT_STALE if the generation was used before for this device; CUT_OVERLOADED
   */
  set(device: DeviceId, desired: DesiredState): void {
    const known = this.#newest.get(device);
    if (known !== undefined && desired.generation <= known.generation) {
      const message = `Generation ${desired.generation} for ${device} is not newer than ${known.generation}, which is desired already: deploy again.`;
      throw new CutpointError('CUT_STALE', message);
    }
    if (!this.#hasRoom(device)) {
      throw new CutpointError('CUT_OVERLOADED', `Desired states are kept for ${this.#maxDevices} devices already.`);
    }
    this.#newest.set(device, desired);
    this.#heardOf(desired.generation);
  }

  /**
   * The broker delivered a desired state. `adopted`: it is newer than what was known. `outdated`: the broker has
   * something older than we know and has to be told.
   * @throws CutpointError CUT_INPUT if nobody can have given this generation
   */
  delivered(device: DeviceId, desired: DesiredState): 'adopted' | 'outdated' | 'known' {
    this.#requireNear(device, desired.generation);
    this.#heardOf(desired.generation);
    if (this.#onBroker.has(device) || this.#onBroker.size < this.#maxDevices) {
      this.#onBroker.set(device, desired.generation);
    }
    const known = this.#newest.get(device);
    if (known !== undefined && known.generation === desired.generation) return 'known';
    if (known !== undefined && known.generation > desired.generation) return 'outdated';
    if (!this.#hasRoom(device)) return 'known';
    this.#newest.set(device, desired);
    return 'adopted';
  }

  /** A new connection: what the broker has is not known any more. */
  disconnected(): void {
    this.#onBroker.clear();
  }

  /** The devices for which the broker has nothing, or something older. */
  missingOnBroker(): readonly DeviceId[] {
    const missing = ([device, { generation }]: [DeviceId, DesiredState]) =>
      (this.#onBroker.get(device) ?? -1) < generation;
    return [...this.#newest].filter(missing).map(([device]) => device);
  }

  forget(device: DeviceId): void {
    this.#newest.delete(device);
    this.#onBroker.delete(device);
  }

  #requireNear(device: DeviceId, generation: Generation): void {
    if (generation <= this.#highest + longestLeap) return;
    const message = `Generation ${generation} was named for ${device}, but ${this.#highest} is the last that is known: it is not believed. Somebody else speaks at the broker, or as that device.`;
    throw new CutpointError('CUT_INPUT', message);
  }

  #heardOf(generation: Generation): void {
    this.#highest = Math.max(this.#highest, generation);
  }

  #hasRoom(device: DeviceId): boolean {
    return this.#newest.has(device) || this.#newest.size < this.#maxDevices;
  }
}
