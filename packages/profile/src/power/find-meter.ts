import { findHwmon } from './hwmon.js';
import { findPmic } from './pmic.js';
import type { MeterSurroundings, PowerMeter } from './power-meter.js';
import { findRapl } from './rapl.js';

/** The meter of this device that sees most of it: a monitor of the board's input before one of the processor alone. */
export async function findMeter(surroundings: MeterSurroundings = {}): Promise<PowerMeter | undefined> {
  return (await findHwmon(surroundings)) ?? (await findPmic(surroundings)) ?? (await findRapl(surroundings));
}
