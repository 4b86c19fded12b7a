import { describe, expect, it } from 'vitest';
import { LeaseGate } from './lease-gate.js';

/** A device whose lease and clock the test sets. */
function make({ leased }: { leased: boolean }) {
  const device = { leased, nowMs: 1_000 };
  const gate = new LeaseGate(
    () => device.leased,
    () => device.nowMs,
  );
  return { device, gate };
}

describe('the gate of a device', () => {
  it('lets requests pass at once while there is a lease', async () => {
    using gate = make({ leased: true }).gate;
    expect(await gate.pass()).toBe(true);
  });

  it('has them wait for the lease of a device that has just come back', async () => {
    const { device, gate } = make({ leased: false });
    using _ = gate;
    setTimeout(() => {
      device.leased = true;
    }, 50);
    expect(await gate.pass()).toBe(true);
  });

  it('lets them pass without one where the server has been gone for a while, and says so', async () => {
    const { device, gate } = make({ leased: false });
    using _ = gate;
    const passed = gate.pass();
    setTimeout(() => {
      device.nowMs += 900;
    }, 40);
    setTimeout(() => {
      device.nowMs += 900;
    }, 80);
    expect(await passed).toBe(false);
    expect(await gate.pass()).toBe(false);
  });

  it('lets them pass at once where the lease ran out while the device was awake: it has waited for that long', async () => {
    const { device, gate } = make({ leased: true });
    using _ = gate;
    for (let tick = 0; tick < 5; tick += 1) {
      device.nowMs += 900;
      expect(await gate.pass()).toBe(true);
    }
    device.leased = false;
    expect(await gate.pass()).toBe(false);
  });

  it('waits again after the process was stopped: what was gone then may be there now', async () => {
    const { device, gate } = make({ leased: false });
    using _ = gate;
    const gone = gate.pass();
    setTimeout(() => {
      device.nowMs += 900;
    }, 40);
    setTimeout(() => {
      device.nowMs += 900;
    }, 80);
    expect(await gone).toBe(false);
    device.nowMs += 15_000;
    const passed = gate.pass();
    device.leased = true;
    expect(await passed).toBe(true);
  });
});
