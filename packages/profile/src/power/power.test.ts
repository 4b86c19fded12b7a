import { describe, expect, it } from 'vitest';
import { findMeter } from './find-meter.js';
import { measurePower } from './measure-power.js';
import { type FakeMachine, fakeMachine, meterCases } from './meters.testing.js';
import { statedPower } from './stated-power.js';

async function meterOf(machine: FakeMachine) {
  const meter = await findMeter(machine.surroundings);
  if (meter === undefined) throw new Error('No meter was found.');
  return meter;
}

describe.each(Object.entries(meterCases))('%s', (_, make) => {
  it('is found and tells the watts', async () => {
    await using machine = await fakeMachine();
    const meterCase = make();
    await meterCase.install(machine, 5);
    const meter = await meterOf(machine);
    expect(meter.source).toBe(meterCase.source);
    const watch = await meter.watch();
    await meterCase.pass(machine, 5, 4_000);
    expect(await watch.stop()).toBeCloseTo(5, 3);
  });

  it('tells idle and busy apart, one after the other', async () => {
    await using machine = await fakeMachine();
    const meterCase = make();
    await meterCase.install(machine, 2);
    const meter = await meterOf(machine);
    const idle = meterCase.pass(machine, 2, 1_000);
    const busy = async () => await meterCase.pass(machine, 6, 1_000);
    await idle;
    const power = await measurePower(meter, { idleMs: 1, busy, networkExtraW: 0.5 });
    expect(power.source).toBe(meterCase.source);
    expect(power.busyW).toBeGreaterThan(power.idleW + 1);
    expect(power.networkW).toBe(power.idleW + 0.5);
  });

  it('says so when it is gone amid a measurement', async () => {
    await using machine = await fakeMachine();
    const meterCase = make();
    await meterCase.install(machine, 5);
    const watch = await (await meterOf(machine)).watch();
    await meterCase.tearOut(machine);
    await expect(watch.stop()).rejects.toMatchObject({ code: 'CUT_POWER' });
  });

  it('is let go when the work that it watches fails', async () => {
    await using machine = await fakeMachine();
    const meterCase = make();
    await meterCase.install(machine, 5);
    const busy = () => Promise.reject(new Error('the work failed'));
    const measured = measurePower(await meterOf(machine), { idleMs: 1, busy, networkExtraW: 0 });
    await expect(measured).rejects.toThrow('the work failed');
  });
});

describe('without a meter', () => {
  it('none is found: not in an empty machine, a counter that may not be read, nor in nonsense', async () => {
    await using machine = await fakeMachine();
    expect(await findMeter(machine.surroundings)).toBeUndefined();
    await machine.write('sys/class/powercap/intel-rapl:0/name', 'package-0');
    await machine.write('sys/class/powercap/intel-rapl:0/max_energy_range_uj', '1000');
    await machine.write('sys/class/hwmon/hwmon0/name', 'ina219');
    await machine.write('sys/class/hwmon/hwmon0/power1_input', 'not a number');
    machine.vcgencmd = 'VDD_CORE_A current(7)=much';
    expect(await findMeter(machine.surroundings)).toBeUndefined();
  });

  it('watts are stated by class of device, and what they rest on', () => {
    const pi = statedPower('Raspberry Pi 4 Model B Rev 1.4');
    expect(pi.power).toMatchObject({ source: 'stated', idleW: 2.7, busyW: 6.4 });
    expect(pi.basis).toMatch(/published/);
    expect(statedPower('x64').basis).toMatch(/assumed/);
    for (const board of ['Raspberry Pi 5', 'Raspberry Pi Zero 2 W', 'NVIDIA Jetson Nano', 'arm64', 'x64', 'riscv64']) {
      const { idleW, networkW, busyW } = statedPower(board).power;
      expect([idleW, networkW, busyW]).toEqual([idleW, networkW, busyW].sort((a, b) => a - b));
    }
  });
});
