import { cancelReason } from '@cutpoint/core';
import { describe, expect, it } from 'vitest';
import { type Mortal, StandingRunner } from './standing-runner.js';

function runner(): Mortal & { alive: boolean } {
  return {
    alive: true,
    [Symbol.dispose]() {
      this.alive = false;
    },
  };
}

describe('what is deployed to a page', () => {
  it('is loaded again, once, where it has died', async () => {
    const [first, second] = [runner(), runner()];
    let loads = 0;
    const load = async () => {
      loads += 1;
      return second;
    };
    using standing = new StandingRunner(first, load);
    expect(await standing.take()).toBe(first);
    first.alive = false;
    expect(await Promise.all([standing.take(), standing.take()])).toEqual([second, second]);
    expect(loads).toBe(1);
  });

  it('can be loaded after a try that failed', async () => {
    const [first, second] = [runner(), runner()];
    const answers = [Promise.reject(new Error('no network')), Promise.resolve(second)];
    using standing = new StandingRunner(first, () => answers.shift() ?? Promise.reject(new Error('too often')));
    first.alive = false;
    await expect(standing.take()).rejects.toThrow('no network');
    expect(await standing.take()).toBe(second);
  });

  it('is not loaded any more when it is not deployed, also in the middle of it', async () => {
    const first = runner();
    const load = (ends: AbortSignal) =>
      new Promise<Mortal>((_, reject) => ends.addEventListener('abort', () => reject(cancelReason(ends))));
    const standing = new StandingRunner<Mortal>(first, load);
    first.alive = false;
    const taken = standing.take();
    standing[Symbol.dispose]();
    await expect(taken).rejects.toMatchObject({ code: 'CUT_DISPOSED' });
  });
});
