import { describe, expect, it } from 'vitest';
import { startDeadline } from './deadline.js';

const code = (expected: string) => expect.objectContaining({ code: expected });
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('a deadline', () => {
  it('ends with the time and says how much is left', async () => {
    using deadline = startDeadline(60);
    expect(deadline.leftMs()).toBeGreaterThan(20);
    expect(deadline.leftMs()).toBeLessThanOrEqual(60);
    await wait(120);
    expect(deadline.signal.reason).toEqual(code('CUT_DEADLINE'));
    expect(deadline.leftMs()).toBe(1);
  });

  it('ends early with another signal', () => {
    const controller = new AbortController();
    using deadline = startDeadline(60_000, controller.signal);
    controller.abort();
    expect(deadline.signal.reason).toEqual(code('CUT_CANCELLED'));
  });

  it('stops its clock when it is no longer needed', async () => {
    const deadline = startDeadline(20);
    deadline[Symbol.dispose]();
    await wait(60);
    expect(deadline.signal.aborted).toBe(false);
  });

  it('may be longer than a timer can wait', async () => {
    using deadline = startDeadline(Number.POSITIVE_INFINITY);
    await wait(20);
    expect(deadline.signal.aborted).toBe(false);
    expect(Number.isFinite(deadline.leftMs())).toBe(true);
  });
});
