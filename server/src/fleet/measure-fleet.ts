import type { DeviceId } from '@cutpoint/control';
import { asCutpointError, type CutpointError, throwIfCancelled } from '@cutpoint/core';
import type { LinkAnswer, ProfileStep } from '@cutpoint/fleet';
import type { Measurer, Profiled, ProfiledModel } from './ask-measurements.js';

/** The way between two devices, as the first of them found it. */
export interface MeasuredLink extends LinkAnswer {
  readonly from: DeviceId;
  readonly to: DeviceId;
}

/** What a fleet has measured of itself. */
export interface Measurements {
  readonly profiles: ReadonlyMap<DeviceId, Profiled>;
  readonly links: readonly MeasuredLink[];
  /** Devices without a profile. */
  readonly failures: ReadonlyMap<DeviceId, CutpointError>;
  /** Ways that could not be measured, in words. */
  readonly notes: readonly string[];
}

export interface MeasureOptions {
  readonly measurer: Measurer;
  readonly signal: AbortSignal;
  /** Devices with the same key share a machine: measured at the same time, they would disturb one another. */
  readonly machineOf: (device: DeviceId) => string;
  /** Hears what a device does now; undefined when it is done. */
  readonly onProgress: (device: DeviceId, what: string | undefined) => void;
}

/** So many machines profile at a time. */
const mostAtOnce = 16;

/**
 * Has every device profile the model, those on different machines at the same time.
 * @throws CutpointError CUT_CANCELLED; that a device fails is not thrown.
 */
export async function profileDevices(
  devices: readonly DeviceId[],
  model: ProfiledModel,
  { measurer, signal, machineOf, onProgress }: MeasureOptions,
): Promise<Pick<Measurements, 'profiles' | 'failures'>> {
  const profiles = new Map<DeviceId, Profiled>();
  const failures = new Map<DeviceId, CutpointError>();
  const machines = new Map<string, DeviceId[]>();
  for (const device of devices) machines.set(machineOf(device), [...(machines.get(machineOf(device)) ?? []), device]);
  const next = machines.values();
  const work = async () => {
    for (const machine of next) {
      for (const device of machine) {
        throwIfCancelled(signal);
        onProgress(device, 'waits to be asked');
        const tell = (step: ProfileStep) => onProgress(device, stepText(step));
        try {
          profiles.set(device, await measurer.profile(device, model, { signal, onProgress: tell }));
        } catch (thrown) {
          throwIfCancelled(signal);
          failures.set(device, asCutpointError(thrown, 'CUT_INTERNAL'));
        }
        onProgress(device, undefined);
      }
    }
  };
  await Promise.all(Array.from({ length: mostAtOnce }, work));
  return { profiles, failures };
}

/**
 * Has devices measure the ways between them, one after the other, as they may share what lies between.
 * @throws CutpointError CUT_CANCELLED; that a way cannot be measured is not thrown.
 */
export async function measureLinks(
  ways: readonly { readonly from: DeviceId; readonly to: DeviceId }[],
  { measurer, signal, onProgress }: MeasureOptions,
): Promise<Pick<Measurements, 'links' | 'notes'>> {
  const links: MeasuredLink[] = [];
  const notes: string[] = [];
  for (const { from, to } of ways) {
    throwIfCancelled(signal);
    onProgress(from, `measures its link to ${to}`);
    try {
      links.push({ from, to, ...(await measurer.link(from, to, signal)) });
    } catch (thrown) {
      throwIfCancelled(signal);
      const { message } = asCutpointError(thrown, 'CUT_INTERNAL');
      notes.push(`The link from ${from} to ${to} could not be measured, so no plan uses it: ${message}`);
    }
    onProgress(from, undefined);
  }
  return { links, notes };
}

function stepText({ step, done, total }: ProfileStep): string {
  switch (step) {
    case 'fetch':
      return `fetches the model, ${(done / 1e6).toFixed(1)} of ${(total / 1e6).toFixed(1)} MB`;
    case 'open':
      return 'opens the model';
    case 'device':
      return 'looks at itself';
    case 'time':
      return `times segments, ${done} of ${total}`;
    case 'memory':
      return 'measures memory';
  }
}
