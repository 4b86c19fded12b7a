import { join } from 'node:path';
import { CutpointError } from '@cutpoint/core';
import type { MeterSurroundings, PowerMeter } from './power-meter.js';
import { namesIn, readText, readWhole } from './read-sysfs.js';
import { sampledWatch } from './sampled-watch.js';

/** A counter of energy in µJ that begins anew after `maxUj`. */
interface Zone {
  readonly path: string;
  readonly name: string;
  readonly maxUj: number;
}

/** Often enough that no counter begins anew twice between two looks. */
const lookEveryMs = 1_000;

/**
 * The energy counters of Intel and AMD processors (running average power limit, Linux powercap). The zone of the whole
 * platform counts alone where there is one, else all packages with their memory: mainboard, disks and the power supply's
 * losses are then missing. Undefined where there are none, or only root may read them.
 */
export async function findRapl({
  root = '/',
  nowMs = performance.now.bind(performance),
}: MeterSurroundings = {}): Promise<PowerMeter | undefined> {
  const zones = await readableZones(join(root, 'sys/class/powercap'));
  const platform = zones.filter(({ name }) => name === 'psys');
  const counted = platform.length > 0 ? platform : zones.filter(({ name }) => /^(package-\d+|dram)$/.test(name));
  if (counted.length === 0) return undefined;
  return {
    source: 'rapl',
    what: `energy counters of the processor (RAPL: ${counted.map(({ name }) => name).join(', ')})`,
    async watch() {
      const beganMs = nowMs();
      let endedMs = beganMs;
      let lastUj: readonly number[] | undefined;
      let sumUj = 0;
      const look = async () => {
        const seenUj = await Promise.all(counted.map(readEnergy));
        endedMs = nowMs();
        if (lastUj !== undefined) for (const [i, zone] of counted.entries()) sumUj += added(zone, lastUj[i], seenUj[i]);
        lastUj = seenUj;
      };
      return await sampledWatch(look, lookEveryMs, () => sumUj / 1000 / Math.max(1e-3, endedMs - beganMs));
    },
  };
}

async function readableZones(folder: string): Promise<Zone[]> {
  const names = (await namesIn(folder)).filter((name) => /^intel-rapl:\d+(:\d+)?$/.test(name));
  const zones = await Promise.all(
    names.map(async (entry): Promise<Zone[]> => {
      const path = join(folder, entry);
      const name = await readText(join(path, 'name'));
      const maxUj = await readWhole(join(path, 'max_energy_range_uj'));
      const readable = (await readWhole(join(path, 'energy_uj'))) !== undefined;
      return name !== undefined && maxUj !== undefined && readable ? [{ path, name, maxUj }] : [];
    }),
  );
  return zones.flat();
}

async function readEnergy({ path }: Zone): Promise<number> {
  const energyUj = await readWhole(join(path, 'energy_uj'));
  if (energyUj === undefined) throw new CutpointError('CUT_POWER', `The energy counter ${path} can no longer be read.`);
  return energyUj;
}

function added({ maxUj }: Zone, before = 0, after = 0): number {
  return after >= before ? after - before : after + maxUj - before;
}
