import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { MeterSurroundings } from './power-meter.js';

/** A machine made of files, with a clock that only tests move. */
export interface FakeMachine extends AsyncDisposable {
  readonly surroundings: Required<MeterSurroundings>;
  write(path: string, text: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** What `vcgencmd` prints; undefined where there is none. */
  vcgencmd: string | undefined;
  passMs(ms: number): void;
}

export async function fakeMachine(): Promise<FakeMachine> {
  const root = await mkdtemp(join(tmpdir(), 'cutpoint-machine-'));
  let clockMs = 1_000;
  const machine: FakeMachine = {
    vcgencmd: undefined,
    surroundings: {
      root,
      nowMs: () => clockMs,
      command: async (name) => (name === 'vcgencmd' ? machine.vcgencmd : undefined),
    },
    async write(path, text) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), `${text}\n`);
    },
    remove: (path) => rm(join(root, path), { recursive: true, force: true }),
    passMs(ms) {
      clockMs += ms;
    },
    [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }),
  };
  return machine;
}

/** One way to measure power, on a machine that has it. */
export interface MeterCase {
  readonly source: string;
  /** Installs the meter; the machine then takes `watts`. */
  install(machine: FakeMachine, watts: number): Promise<void>;
  /** Lets time pass while the machine takes so many watts. */
  pass(machine: FakeMachine, watts: number, ms: number): Promise<void>;
  /** Breaks it. */
  tearOut(machine: FakeMachine): Promise<void>;
}

const rapl = 'sys/class/powercap/intel-rapl:0';
const maxUj = 262_143_328_850;

/** Counts from near its end, so that every test sees it begin anew. */
function raplCase(): MeterCase {
  let energyUj = maxUj - 1_000;
  const write = (machine: FakeMachine) => machine.write(`${rapl}/energy_uj`, String(Math.round(energyUj)));
  return {
    source: 'rapl',
    async install(machine) {
      await machine.write(`${rapl}/name`, 'package-0');
      await machine.write(`${rapl}/max_energy_range_uj`, String(maxUj));
      await machine.write('sys/class/powercap/intel-rapl:0:0/name', 'core');
      await machine.write('sys/class/powercap/intel-rapl:0:0/energy_uj', '7');
      await write(machine);
    },
    async pass(machine, watts, ms) {
      energyUj = (energyUj + watts * ms * 1000) % maxUj;
      machine.passMs(ms);
      await write(machine);
    },
    tearOut: (machine) => machine.remove(rapl),
  };
}

const hwmon = 'sys/class/hwmon/hwmon3';

function hwmonCase(write: (machine: FakeMachine, watts: number) => Promise<void>, chip: string): MeterCase {
  return {
    source: 'hwmon',
    async install(machine, watts) {
      // A disk's sensor comes first and must not be taken.
      await machine.write('sys/class/hwmon/hwmon0/name', 'nvme');
      await machine.write('sys/class/hwmon/hwmon0/power1_input', '99000000');
      await machine.write(`${hwmon}/name`, chip);
      await write(machine, watts);
    },
    pass: (machine, watts) => write(machine, watts),
    tearOut: (machine) => machine.remove(hwmon),
  };
}

export const meterCases: Readonly<Record<string, () => MeterCase>> = {
  'RAPL counters': raplCase,
  'a chip that tells power': () =>
    hwmonCase((machine, watts) => machine.write(`${hwmon}/power1_input`, String(watts * 1e6)), 'ina226'),
  'a chip that tells voltage and current': () =>
    hwmonCase(async (machine, watts) => {
      await machine.write(`${hwmon}/in1_input`, '5000');
      await machine.write(`${hwmon}/curr1_input`, String((watts / 5) * 1000));
    }, 'ina3221'),
  'a Pi 5': () => {
    const print = (machine: FakeMachine, watts: number) => {
      machine.vcgencmd = ` 3V3_SYS_A current(1)=${(watts / 6.6).toFixed(6)}A\n VDD_CORE_A current(7)=${(watts / 2).toFixed(6)}A
 3V3_SYS_V volt(9)=3.30000000V\n VDD_CORE_V volt(15)=1.00000000V\n EXT5V_V volt(24)=5.13950000V\n`;
    };
    return {
      source: 'pmic',
      install: async (machine, watts) => print(machine, watts),
      pass: async (machine, watts) => print(machine, watts),
      tearOut: async (machine) => {
        machine.vcgencmd = 'error=2 error_msg="Command not registered"';
      },
    };
  },
};
