import type { Power } from '@cutpoint/plan';

/** What stands for a device without a meter. `basis` says where the figures are from. */
export interface StatedPower {
  readonly power: Power;
  readonly basis: string;
}

interface DeviceClass {
  readonly name: string;
  /** Of the board's own name (device tree), or the architecture where there is none. */
  readonly matches: RegExp;
  readonly idleW: number;
  readonly busyW: number;
  readonly networkW: number;
  readonly measured?: string;
}

const dramble = 'published by J. Geerling (pidramble.com, power consumption), busy with all cores loaded';

/**
 * Idle and busy of the Pi 3 and 4 are measurements that others published; all the rest, power during network traffic
 * included, are assumptions of the right order of magnitude: state your own for decisions about energy.
 */
const classes: readonly DeviceClass[] = [
  { name: 'Raspberry Pi Zero 2', matches: /Raspberry Pi Zero 2/, idleW: 0.6, busyW: 2.2, networkW: 1 },
  { name: 'Raspberry Pi 3', matches: /Raspberry Pi 3/, idleW: 1.4, busyW: 3.7, networkW: 1.8, measured: dramble },
  { name: 'Raspberry Pi 4', matches: /Raspberry Pi 4/, idleW: 2.7, busyW: 6.4, networkW: 3.2, measured: dramble },
  { name: 'Raspberry Pi 5', matches: /Raspberry Pi 5/, idleW: 2.7, busyW: 8, networkW: 3.3 },
  { name: 'NVIDIA Jetson', matches: /Jetson/i, idleW: 5, busyW: 15, networkW: 5.5 },
  { name: 'small ARM board', matches: /^arm64|^arm$|^aarch64/, idleW: 3, busyW: 8, networkW: 3.5 },
];
const desktop: Omit<DeviceClass, 'matches'> = { name: 'desktop or server', idleW: 25, busyW: 65, networkW: 27 };

/** Watts by class of device. @param board the board's own name (device tree model), else the architecture. */
export function statedPower(board: string): StatedPower {
  const { name, idleW, busyW, networkW, measured } = classes.find(({ matches }) => matches.test(board)) ?? desktop;
  return {
    power: { source: 'stated', idleW, busyW, networkW },
    basis:
      measured === undefined
        ? `assumed for a ${name}; nothing was measured`
        : `for a ${name}: idle and busy as ${measured}; during traffic an assumption`,
  };
}
