import { CutpointError } from '@cutpoint/core';
import { meanOfSamples } from './mean-of-samples.js';
import type { MeterSurroundings, PowerMeter } from './power-meter.js';
import { runCommand } from './run-command.js';

const args = ['pmic_read_adc'];

/**
 * The power management chip of a Raspberry Pi 5. It tells voltage and current of the board's inner rails: what hangs on
 * USB and the losses before the rails are missing, so the figure is lower than that of a meter in the cable.
 */
export async function findPmic({ command = runCommand }: MeterSurroundings = {}): Promise<PowerMeter | undefined> {
  const first = wattsOf((await command('vcgencmd', args)) ?? '');
  if (first === undefined) return undefined;
  return {
    source: 'pmic',
    what: "the board's power management chip (all rails; without USB devices and conversion losses)",
    watch: () =>
      meanOfSamples(async () => {
        const watts = wattsOf((await command('vcgencmd', args)) ?? '');
        if (watts === undefined)
          throw new CutpointError('CUT_POWER', 'vcgencmd no longer tells the power of the rails.');
        return watts;
      }),
  };
}

/** Sum over rails of volts times amperes, from lines such as `VDD_CORE_A current(7)=1.2A` and `VDD_CORE_V volt(15)=0.9V`. */
export function wattsOf(text: string): number | undefined {
  const read = (pattern: RegExp) =>
    new Map(Array.from(text.matchAll(pattern), ([, rail = '', value]) => [rail, Number(value)]));
  const amperes = read(/(\w+)_A current\(\d+\)=(\d+(?:\.\d+)?)A/g);
  const volts = read(/(\w+)_V volt\(\d+\)=(\d+(?:\.\d+)?)V/g);
  const rails = [...amperes].flatMap(([rail, current]) => {
    const voltage = volts.get(rail);
    return voltage === undefined ? [] : [current * voltage];
  });
  return rails.length === 0 ? undefined : rails.reduce((sum, watts) => sum + watts, 0);
}
