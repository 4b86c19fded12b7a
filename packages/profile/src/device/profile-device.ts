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
  const { root = '/', signal } = options;
  const cpu = await describeCpu(options);
  const board = (await readText(join(root, 'proc/device-tree/model')))?.replaceAll('\0', '');
  const providers = await listProviders(signal);
  return {
    name: hostname().slice(0, 200),
    os: `${type()} ${release()}`.slice(0, 200),
    arch: arch(),
    cpu: (board === undefined ? cpu.name : `${board} (${cpu.name})`).slice(0, 200),
    cores: availableParallelism(),
    memoryBytes: memoryBytes(),
    instructionSets: [...cpu.instructionSets],
    providers: providers.filter(({ bundled }) => bundled).map(({ name }) => name),
    power: await powerOf(board ?? arch(), options),
  };
}

async function powerOf(board: string, options: DeviceOptions): Promise<Power> {
  const { signal, idleMs, onNote } = options;
  const { power, basis } = statedPower(board);
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
