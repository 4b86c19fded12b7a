import { deviceProfileSchema } from '@cutpoint/plan';
import { expect, it } from 'vitest';
import { fakeMachine } from '../power/meters.testing.js';
import { fromCpuInfo, fromSysctl } from './cpu.js';
import { profileDevice } from './profile-device.js';

it('reads what Linux tells of x86 and of ARM, and what macOS tells', () => {
  const x86 =
    'processor\t: 0\nmodel name\t: Intel(R) Xeon(R) CPU\nflags\t\t: fpu sse4_2 avx avx2 avx512f avx512_vnni hle\n';
  expect(fromCpuInfo(`${x86}\n${x86}`)).toEqual({
    name: 'Intel(R) Xeon(R) CPU',
    instructionSets: ['avx', 'avx2', 'avx512_vnni', 'avx512f', 'sse4_2'],
  });
  const pi = 'processor\t: 0\nBogoMIPS\t: 108.00\nFeatures\t: fp asimd evtstrm crc32 asimddp asimdhp\n';
  expect(fromCpuInfo(pi).instructionSets).toEqual(['dotprod', 'fp16', 'neon']);
  const mac =
    'machdep.cpu.brand_string: Apple M2\nhw.optional.neon: 1\nhw.optional.arm.FEAT_DotProd: 1\nhw.optional.arm.FEAT_SME: 0\n';
  expect(fromSysctl(mac)).toEqual({ name: 'Apple M2', instructionSets: ['dotprod', 'neon'] });
});

it('describes a Pi without a meter with stated watts, and says so', async () => {
  await using machine = await fakeMachine();
  await machine.write('proc/cpuinfo', 'Features\t: fp asimd');
  await machine.write('proc/device-tree/model', 'Raspberry Pi 4 Model B Rev 1.4\0');
  const notes: string[] = [];
  const device = await profileDevice({ ...machine.surroundings, onNote: (note) => notes.push(note) });
  expect(deviceProfileSchema.parse(device)).toEqual(device);
  expect(device).toMatchObject({ instructionSets: ['neon'], power: { source: 'stated', idleW: 2.7 } });
  expect(device.cpu).toMatch(/^Raspberry Pi 4 Model B Rev 1.4 \(/);
  expect(device.providers).toContain('cpu');
  expect(notes).toEqual([expect.stringMatching(/no power meter/)]);
});

it('measures power where there is a meter, busy while one core computes', async () => {
  await using machine = await fakeMachine();
  await machine.write('sys/class/hwmon/hwmon0/name', 'ina219');
  await machine.write('sys/class/hwmon/hwmon0/power1_input', '3000000');
  const busy = () => machine.write('sys/class/hwmon/hwmon0/power1_input', '7000000');
  const { power } = await profileDevice({ ...machine.surroundings, idleMs: 50, busy });
  expect(power.source).toBe('hwmon');
  expect(power.idleW).toBeCloseTo(3);
  expect(power.busyW).toBeGreaterThan(4);
});

it('stops when it is cancelled', async () => {
  await using machine = await fakeMachine();
  await machine.write('sys/class/hwmon/hwmon0/name', 'ina219');
  await machine.write('sys/class/hwmon/hwmon0/power1_input', '3000000');
  const signal = AbortSignal.timeout(300);
  const measured = profileDevice({ ...machine.surroundings, idleMs: 60_000, signal });
  await expect(measured).rejects.toMatchObject({ code: 'CUT_DEADLINE' });
});
