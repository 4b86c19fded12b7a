import { CutpointError } from '@cutpoint/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AnsweredOptions, AnsweredRequests } from './answered-requests.js';

const options: AnsweredOptions<string> = {
  windowMs: 100,
  maxAnswers: 10,
  maxBytes: 1000,
  maxUnderWay: 10,
  bytesOf: (answer) => answer.length,
};
const code = (expected: string) => expect.objectContaining({ code: expected });
const request = (key: string, fingerprint = 'same') => ({ key, fingerprint });

/** A computation that is counted and ends when it is told to. */
class Work {
  count = 0;
  readonly #ends: { resolve: (answer: string) => void; reject: (reason: Error) => void }[] = [];
  readonly compute = (): Promise<string> => {
    this.count += 1;
    return new Promise((resolve, reject) => this.#ends.push({ resolve, reject }));
  };
  end(answer: string): void {
    for (const { resolve } of this.#ends.splice(0)) resolve(answer);
  }
  fail(reason: Error): void {
    for (const { reject } of this.#ends.splice(0)) reject(reason);
  }
}

describe('requests with the same id', () => {
  it('are computed once while under way and within the window, and again after it', async () => {
    let now = 0;
    const requests = new AnsweredRequests({ ...options, nowMs: () => now });
    const work = new Work();
    const both = [requests.ask(request('a'), work.compute), requests.ask(request('a'), work.compute)];
    work.end('first');
    expect(await Promise.all(both)).toEqual(['first', 'first']);
    now = 99;
    expect(await requests.ask(request('a'), work.compute)).toBe('first');
    expect(work.count).toBe(1);
    now = 100;
    const later = requests.ask(request('a'), work.compute);
    work.end('second');
    expect(await later).toBe('second');
    expect(work.count).toBe(2);
  });

  it('that ask something else are refused, under way and afterwards', async () => {
    const requests = new AnsweredRequests(options);
    const work = new Work();
    const first = requests.ask(request('a'), work.compute);
    await expect(requests.ask(request('a', 'other'), work.compute)).rejects.toThrow(code('CUT_CONFLICT'));
    work.end('done');
    await first;
    await expect(requests.ask(request('a', 'other'), work.compute)).rejects.toThrow(code('CUT_CONFLICT'));
    expect(work.count).toBe(1);
  });

  it('are computed again after a failure, which all who waited hear', async () => {
    const requests = new AnsweredRequests(options);
    const work = new Work();
    const both = [requests.ask(request('a'), work.compute), requests.ask(request('a'), work.compute)];
    work.fail(new CutpointError('CUT_OVERLOADED', 'Full.'));
    for (const result of both) await expect(result).rejects.toThrow(code('CUT_OVERLOADED'));
    const again = requests.ask(request('a'), work.compute);
    work.end('now');
    expect(await again).toBe('now');
  });

  it('go on when the first caller leaves, so that its retry finds the answer', async () => {
    const requests = new AnsweredRequests(options);
    const work = new Work();
    const leaving = new AbortController();
    const first = requests.ask(request('a'), work.compute, leaving.signal);
    leaving.abort();
    await expect(first).rejects.toThrow(code('CUT_CANCELLED'));
    const retry = requests.ask(request('a'), work.compute);
    work.end('kept');
    expect(await retry).toBe('kept');
    expect(work.count).toBe(1);
  });

  it('are begun anew by a caller with time left when the first one’s deadline ended them', async () => {
    const requests = new AnsweredRequests(options);
    const work = new Work();
    const first = requests.ask(request('a'), work.compute);
    const patient = requests.ask(request('a'), work.compute, new AbortController().signal);
    work.fail(new CutpointError('CUT_DEADLINE', 'Too late.'));
    await expect(first).rejects.toThrow(code('CUT_DEADLINE'));
    await new Promise((resolve) => setImmediate(resolve));
    expect(work.count).toBe(2);
    work.end('at last');
    expect(await patient).toBe('at last');
  });

  it('are refused when too many are under way', async () => {
    const requests = new AnsweredRequests({ ...options, maxUnderWay: 1 });
    const work = new Work();
    const first = requests.ask(request('a'), work.compute);
    await expect(requests.ask(request('b'), work.compute)).rejects.toThrow(code('CUT_OVERLOADED'));
    work.end('done');
    await first;
    expect(requests.held).toEqual({ underWay: 0, answers: 1, bytes: 4 });
  });
});

describe('what is held', () => {
  it('never exceeds its limits, and what is held is what was answered last under that id', async () => {
    const step = fc.record({ key: fc.nat(5), bytes: fc.nat(40), passMs: fc.nat(30) });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        let now = 0;
        const limits = { maxAnswers: 3, maxBytes: 60, windowMs: 50 };
        const requests = new AnsweredRequests({ ...options, ...limits, nowMs: () => now });
        const last = new Map<number, { answer: string; atMs: number }>();
        for (const { key, bytes, passMs } of steps) {
          now += passMs;
          const fresh = `${now}`.padEnd(bytes, '.');
          const answer = await requests.ask(request(`${key}`), async () => fresh);
          const before = last.get(key);
          if (answer === before?.answer && answer !== fresh) expect(now - before.atMs).toBeLessThan(limits.windowMs);
          else {
            expect(answer).toBe(fresh);
            last.set(key, { answer, atMs: now });
          }
          expect(requests.held.answers).toBeLessThanOrEqual(limits.maxAnswers);
          expect(requests.held.bytes).toBeLessThanOrEqual(limits.maxBytes);
          expect(requests.held.bytes === 0 || requests.held.answers > 0).toBe(true);
        }
      }),
    );
  });

  it('does not contain an answer that is larger than all may be', async () => {
    const requests = new AnsweredRequests({ ...options, maxBytes: 3 });
    expect(await requests.ask(request('a'), async () => 'long')).toBe('long');
    expect(requests.held).toEqual({ underWay: 0, answers: 0, bytes: 0 });
  });
});
