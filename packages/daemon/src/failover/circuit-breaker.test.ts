import { describe, expect, it } from 'vitest';
import { CircuitBreaker } from './circuit-breaker.js';
import { SimulatedClock } from './simulation.testing.js';

function opened() {
  const clock = new SimulatedClock();
  const changes: string[] = [];
  const breaker = new CircuitBreaker({
    clock,
    onOpen: (why, again) => changes.push(`open ${why} ${again}`),
    onClose: () => changes.push('closed'),
  });
  for (let i = 0; i < 3; i++) breaker.enter().bad('slow');
  return { clock, breaker, changes };
}

describe('a circuit breaker', () => {
  it('opens after three that were bad in a row, and not before', () => {
    const breaker = new CircuitBreaker({ clock: new SimulatedClock() });
    const tell = (...bad: boolean[]) => {
      for (const was of bad) {
        const passage = breaker.enter();
        if (was) passage.bad('failed');
        else passage.good();
      }
    };
    tell(true, true, false, true, true);
    expect(breaker.state).toBe('closed');
    tell(true);
    expect(breaker).toMatchObject({ state: 'open', ready: false });
  });

  it('lets one request at a time try, and closes when that is answered', async () => {
    const { clock, breaker, changes } = opened();
    await clock.runUntil(250);
    expect(breaker).toMatchObject({ state: 'half-open', ready: true });
    const trial = breaker.enter();
    expect(breaker.ready).toBe(false);
    trial.good();
    expect(breaker.state).toBe('closed');
    expect(changes).toEqual(['open slow false', 'closed']);
  });

  it('rests twice as long after each trial in vain, but never longer than 1.5 s', async () => {
    const { clock, breaker } = opened();
    const rests: number[] = [];
    for (let i = 0; i < 6; i++) {
      const from = clock.now();
      while (!breaker.ready) await clock.runUntil(clock.now() + 10);
      rests.push(clock.now() - from);
      breaker.enter().bad('failed');
    }
    expect(rests).toEqual([250, 500, 1000, 1500, 1500, 1500]);
  });

  it('does not listen to requests from before it opened, or twice to one', async () => {
    const { clock, breaker } = opened();
    const early = new CircuitBreaker({ clock });
    const before = early.enter();
    for (let i = 0; i < 3; i++) early.enter().bad('failed');
    before.good();
    expect(early.state).toBe('open');
    await clock.runUntil(250);
    const trial = breaker.enter();
    trial.unknown();
    trial.good();
    expect(breaker.state).toBe('open');
  });

  it('is tried by who has no other way, too', () => {
    const { breaker } = opened();
    breaker.enter().good();
    expect(breaker.state).toBe('closed');
  });
});
