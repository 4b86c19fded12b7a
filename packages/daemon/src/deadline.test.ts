import { describe, expect, it } from 'vitest';
import { Deadline } from './deadline.js';

const code = (expected: string) => expect.objectContaining({ code: expected });
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('a deadline', () => {
  it('ends with the time and says when that is', async () => {
    using deadline = new Deadline(60);
    expect(deadline.endsAtMs - performance.now()).toBeGreaterThan(20);
    expect(deadline.endsAtMs - performance.now()).toBeLessThanOrEqual(60);
    await wait(120);
    expect(deadline.reason).toEqual(code('CUT_DEADLINE'));
  });

  it('ends early with another signal', () => {
    const controller = new AbortController();
    using deadline = new Deadline(60_000, controller.signal);
    controller.abort();
    expect(deadline.reason).toEqual(code('CUT_CANCELLED'));
  });

  it('stops its clock when it is no longer needed', async () => {
    const deadline = new Deadline(20);
    deadline[Symbol.dispose]();
    await wait(60);
    expect(deadline.aborted).toBe(false);
  });

  it('may be longer than a timer can wait', async () => {
    using deadline = new Deadline(Number.POSITIVE_INFINITY);
    await wait(20);
    expect(deadline.aborted).toBe(false);
    expect(Number.isFinite(deadline.endsAtMs)).toBe(true);
  });
});
