import { arch, availableParallelism, hostname, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import type { DeviceProfile, Power } from '@cutpoint/plan';
import { listProviders } from '@cutpoint/runtime';
import { findMeter } from '../power/find-meter.js';
import { measurePower } from '../power/measure-power.js';
import type { MeterSurroundings } from '../power/power-meter.js';
import { readText } from '../power/read-sysfs.js';
import { statedPower } from '../power/stated-power.js';
import { describeCpu } from './cpu.js';
import { spin } from './spin.js';

export interface DeviceOptions extends MeterSurroundings {
  readonly signal?: AbortSignal | undefined;
  /** Keeps the device busy while its meter is watched, if it has one. Default: one core counts for three seconds. */
  readonly busy?: (() => Promise<unknown>) | undefined;
  /** How long the idle device is watched. Default 3,000. */
  readonly idleMs?: number;
  /** Is told in words where the power is known from. */
  readonly onNote?: ((note: string) => void) | undefined;
}

const busyMs = 3_000;

/**
 * Describes this device. Power is measured where there is a meter (a monitor chip, a Pi 5's PMIC, RAPL), idle first and
 * then busy; else it is stated by class of device, and `power.source` says so. Watts during network traffic are always
 * stated.
 * @throws CutpointError CUT_POWER if the meter fails amid a measurement, CUT_CANCELLED, CUT_WORKER_DIED.
 */
export async function profileDevice(options: DeviceOptions = {}): Promise<DeviceProfile> {
  const device = await describeDevice(options);
  return { ...device, power: await powerOf(device, options) };
}

/** What can be told of a device without measuring anything. */
export type DeviceDescription = Omit<DeviceProfile, 'power'>;

/** Describes this device, all but its power. @throws CutpointError CUT_CANCELLED, CUT_WORKER_DIED. */
export async function describeDevice(options: DeviceOptions = {}): Promise<DeviceDescription> {
  const cpu = await describeCpu(options);
  const board = await boardName(options);
  const providers = await listProviders(options.signal);
  return {
    name: hostname().slice(0, 200),
    os: `${type()} ${release()}`.slice(0, 200),
    arch: arch(),
    cpu: (board === undefined ? cpu.name : `${board} (${cpu.name})`).slice(0, 200),
    cores: availableParallelism(),
    memoryBytes: memoryBytes(),
    instructionSets: [...cpu.instructionSets],
    providers: providers.filter(({ bundled }) => bundled).map(({ name }) => name),
  };
}

/** What the maker calls the board: a Raspberry Pi, for example; undefined on most computers. */
async function boardName({ root = '/' }: DeviceOptions): Promise<string | undefined> {
  return (await readText(join(root, 'proc/device-tree/model')))?.replaceAll('\0', '');
}

/** Power of a device: measured, or stated by its class. @throws CutpointError CUT_POWER, CUT_CANCELLED. */
export async function powerOf(device: DeviceDescription, options: DeviceOptions): Promise<Power> {
  const { signal, idleMs, onNote } = options;
  const { power, basis } = statedPower((await boardName(options)) ?? device.arch);
  const meter = await findMeter(options);
  if (meter === undefined) {
    onNote?.(`This device has no power meter that can be read; its watts are ${basis}.`);
    return power;
  }
  onNote?.(`Power is measured by the ${meter.what}.`);
  const busy = options.busy ?? (() => spin(busyMs, signal));
  const networkExtraW = power.networkW - power.idleW;
  return await measurePower(meter, { busy, networkExtraW, signal, ...(idleMs === undefined ? {} : { idleMs }) });
}

/** Of a container's limit and the machine's memory the smaller. */
function memoryBytes(): number {
  const limit = process.constrainedMemory?.() ?? 0;
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}
