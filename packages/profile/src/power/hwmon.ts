import { join } from 'node:path';
import { CutpointError } from '@cutpoint/core';
import { meanOfSamples } from './mean-of-samples.js';
import type { MeterSurroundings, PowerMeter } from './power-meter.js';
import { namesIn, readText, readWhole } from './read-sysfs.js';

/** Chips that measure what a board draws. Others under hwmon tell the power of one part: a disk, a graphics card. */
const powerMonitors = /^(ina\d|ina2xx|ltc29|adm12|max34)/;

/** A channel of a chip: power itself, or voltage and current. */
interface Channel {
  readonly label: string;
  readonly readW: () => Promise<number | undefined>;
}

/**
 * A power monitor chip on the board or on a shield (INA219, INA226, INA3221 and others), through Linux hwmon. Where a
 * channel is labelled as the board's input (VDD_IN of a Jetson) it counts alone, else all channels of the chip are added.
 */
export async function findHwmon({ root = '/' }: MeterSurroundings = {}): Promise<PowerMeter | undefined> {
  const folder = join(root, 'sys/class/hwmon');
  for (const entry of await namesIn(folder)) {
    const path = join(folder, entry);
    const chip = await readText(join(path, 'name'));
    if (chip === undefined || !powerMonitors.test(chip)) continue;
    const channels = await channelsOf(path);
    const input = channels.filter(({ label }) => /^(VDD_IN|VIN_SYS_5V0|POM_5V_IN)$/.test(label));
    const counted = input.length > 0 ? input : channels;
    if (counted.length === 0) continue;
    return {
      source: 'hwmon',
      what: `power monitor ${chip} (${counted.map(({ label }) => label).join(', ')})`,
      watch: () => meanOfSamples(() => sumOf(path, counted)),
    };
  }
  return undefined;
}

async function channelsOf(path: string): Promise<Channel[]> {
  const files = new Set(await namesIn(path));
  const numbers = (kind: string) =>
    [...files].flatMap((file) => new RegExp(`^${kind}(\\d+)_input$`).exec(file)?.[1] ?? []);
  const direct = numbers('power').map((number) => ({
    number,
    label: `power${number}`,
    readW: async () => scaled(await readWhole(join(path, `power${number}_input`)), 1e-6),
  }));
  const indirect = numbers('curr')
    .filter((number) => files.has(`in${number}_input`) && !direct.some((channel) => channel.number === number))
    .map((number) => ({
      number,
      label: `in${number} x curr${number}`,
      readW: async () => {
        const volts = scaled(await readWhole(join(path, `in${number}_input`)), 1e-3);
        const amperes = scaled(await readWhole(join(path, `curr${number}_input`)), 1e-3);
        return volts === undefined || amperes === undefined ? undefined : volts * amperes;
      },
    }));
  const channels = await Promise.all(
    [...direct, ...indirect].map(async ({ number, label, readW }) => {
      const named = (await readText(join(path, `in${number}_label`))) ?? label;
      return { label: named, readW, works: (await readW()) !== undefined };
    }),
  );
  return channels.filter(({ works }) => works);
}

async function sumOf(path: string, channels: readonly Channel[]): Promise<number> {
  const watts = await Promise.all(channels.map(({ readW }) => readW()));
  return watts.reduce<number>((sum, value) => {
    if (value === undefined) throw new CutpointError('CUT_POWER', `The power monitor ${path} can no longer be read.`);
    return sum + value;
  }, 0);
}

function scaled(value: number | undefined, by: number): number | undefined {
  return value === undefined ? undefined : value * by;
}
