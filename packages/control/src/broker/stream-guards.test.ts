import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PacketMeter } from './packet-meter.js';
import { RateBudget } from './rate-budget.js';
import { RetainedBudget } from './retained-budget.js';
import { RetainedMessages } from './retained-messages.js';

/** A packet of MQTT with so many bytes after its length, written as the standard says. */
function packet(bytes: number): Uint8Array {
  const header = [0x30];
  let left = bytes;
  do {
    const more = left >= 128;
    header.push((left % 128) | (more ? 0x80 : 0));
    left = Math.floor(left / 128);
  } while (left > 0);
  return Uint8Array.from([...header, ...new Uint8Array(bytes).fill(0xff)]);
}

describe('the meter of packets', () => {
  it('counts packets however the bytes are cut', () => {
    const sizes = fc.array(fc.oneof(fc.nat(300), fc.constantFrom(0, 127, 128, 16_383, 16_384)), { maxLength: 12 });
    fc.assert(
      fc.property(sizes, fc.array(fc.integer({ min: 1, max: 5_000 }), { minLength: 1 }), (lengths, cuts) => {
        const bytes = Buffer.concat(lengths.map(packet));
        const meter = new PacketMeter();
        let counted = 0;
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const end = at + (cuts[i % cuts.length] ?? 1);
          counted += meter.take(bytes.subarray(at, end), 20_000);
          at = end;
        }
        expect(counted).toBe(lengths.length);
      }),
    );
  });

  it('refuses a packet at its header, before the rest has come', () => {
    const tooLarge = expect.objectContaining({ code: 'CUT_WIRE_TOO_LARGE' });
    expect(() => new PacketMeter().take(packet(1_001).subarray(0, 3), 1_000)).toThrow(tooLarge);
    expect(new PacketMeter().take(packet(1_000).subarray(0, 3), 1_000)).toBe(1);
    expect(() => new PacketMeter().take(Uint8Array.of(0x10, 0xff, 0xff, 0xff, 0x7f), 1_000_000)).toThrow(tooLarge);
    const endless = Uint8Array.of(0x10, 0x80, 0x80, 0x80, 0x80, 0x80);
    expect(() => new PacketMeter().take(endless, 1_000)).toThrow(
      expect.objectContaining({ code: 'CUT_WIRE_MALFORMED' }),
    );
  });
});

describe('the budget of a rate', () => {
  it('never lets more pass in the long run, whoever waits as told', () => {
    const spending = fc.array(fc.record({ amount: fc.integer({ min: 0, max: 50 }), idleMs: fc.nat(500) }), {
      minLength: 1,
      maxLength: 100,
    });
    fc.assert(
      fc.property(spending, (steps) => {
        const budget = new RateBudget(100, 0);
        let nowMs = 0;
        let spent = 0;
        for (const { amount, idleMs } of steps) {
          nowMs += idleMs;
          nowMs += budget.spend(amount, nowMs);
          spent += amount;
        }
        expect(spent).toBeLessThanOrEqual(100 + (nowMs / 1000) * 100 + 1e-6);
      }),
    );
  });

  it('makes nobody wait who stays below', () => {
    const budget = new RateBudget(100, 0);
    for (let second = 1; second < 50; second++) expect(budget.spend(100, second * 1000)).toBe(0);
  });
});

describe('the budget of what is kept', () => {
  it('bounds topics and bytes, and gives back what is taken away', () => {
    const budget = new RetainedBudget(2, 100);
    expect(budget.keep('a', 60)).toBe(true);
    expect(budget.keep('b', 50)).toBe(false);
    expect(budget.keep('b', 40)).toBe(true);
    expect(budget.keep('c', 0)).toBe(true);
    expect(budget.keep('c', 1)).toBe(false);
    expect(budget.keep('a', 10)).toBe(true);
    expect(budget.keep('c', 1)).toBe(false);
    expect(budget.keep('a', 0)).toBe(true);
    expect(budget.keep('c', 60)).toBe(true);
    expect(budget.keep('c', 61)).toBe(false);
  });
});

describe('retained messages', () => {
  it('are found by topic and by filter, the last of each topic, until they are taken back', () => {
    const kept = new RetainedMessages<{ topic: string; payload: string }>();
    const topics = (...filters: string[]) => kept.matching(filters).map(({ topic, payload }) => `${topic}=${payload}`);
    for (const topic of ['a/b/c', 'a/x/c', 'a/b', 'a', '$SYS/b/c']) kept.store({ topic, payload: '1' });
    kept.store({ topic: 'a/b/c', payload: '2' });
    expect(topics('a/b/c')).toEqual(['a/b/c=2']);
    expect(topics('a/b/c', 'a/+/c')).toEqual(['a/b/c=2', 'a/b/c=2', 'a/x/c=1']);
    expect(topics('a/#')).toEqual(['a/b/c=2', 'a/x/c=1', 'a/b=1', 'a=1']);
    expect(topics('+/b/c')).toEqual(['a/b/c=2']);
    expect(topics('a/+')).toEqual(['a/b=1']);
    expect(topics('#')).toHaveLength(4);
    kept.store({ topic: 'a/b/c', payload: '' });
    expect(topics('a/b/c')).toEqual([]);
  });
});
