import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { HalfClock } from './half-clock.js';

describe('HalfClock', () => {
  it('counts no waiting for what was read before it was wanted', async () => {
    const clock = new HalfClock(2);
    await sleep(5);
    clock.read(0, 3);
    clock.opened(0);
    expect(clock.times()[0]).toMatchObject({ readMs: 3, waitMs: 0 });
  });

  it('counts from when bytes are wanted until they are here as waiting, and until the next is wanted as work', async () => {
    const clock = new HalfClock(2);
    clock.wanted(0);
    await sleep(10);
    clock.read(0, 8);
    clock.opened(0);
    clock.runs(0);
    await sleep(20);
    clock.wanted(1);
    const [first] = clock.times();
    expect(first?.waitMs).toBeGreaterThan(8);
    expect(first?.busyMs).toBeGreaterThan(18);
  });

  it('counts no pause between two tokens as work, nor one slow pass among five', async () => {
    const clock = new HalfClock(1);
    for (let token = 0; token < 5; token++) {
      clock.wanted(0);
      clock.runs(0);
      if (token === 2) await sleep(60);
      clock.ended(0);
      await sleep(30);
    }
    expect(clock.times()[0]?.busyMs).toBeLessThan(20);
  });
});
