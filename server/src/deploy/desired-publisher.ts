import type { DesiredState, DeviceId } from '@cutpoint/control';
import { asCutpointError, type CutpointError } from '@cutpoint/core';
import type { DeployFleet } from './deploy-fleet.js';

/** Makes a signature under what a device shall run; undefined where there is no authority. */
export type SignDesired = (desired: Omit<DesiredState, 'signature'>, device: DeviceId) => Promise<string | undefined>;

export interface DesiredPublisherOptions {
  readonly fleet: Pick<DeployFleet, 'desired' | 'setDesired'>;
  readonly sign: SignDesired;
  readonly onProblem: (error: CutpointError) => void;
}

/** Tells devices what they shall run, in the order of the generations: signing takes its time. */
export class DesiredPublisher {
  readonly #options: DesiredPublisherOptions;
  #publishing: Promise<void> = Promise.resolve();

  constructor(options: DesiredPublisherOptions) {
    this.#options = options;
  }

  /** A device that has heard of this generation, or a newer one, is left alone. What goes wrong is told. */
  publish(all: ReadonlyMap<DeviceId, Omit<DesiredState, 'signature'>>): void {
    const { fleet, sign, onProblem } = this.#options;
    this.#publishing = this.#publishing.then(async () => {
      for (const [device, desired] of all) {
        if ((fleet.desired(device)?.generation ?? -1) >= desired.generation) continue;
        try {
          const signature = await sign(desired, device);
          await fleet.setDesired(device, { ...desired, ...(signature !== undefined && { signature }) });
        } catch (thrown) {
          onProblem(asCutpointError(thrown, 'CUT_INTERNAL', `${device} could not be told what to run`));
        }
      }
    });
  }
}
