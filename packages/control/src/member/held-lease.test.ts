import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { generation, sessionId } from '../ids.js';
import { HeldLease } from './held-lease.js';

const mine = sessionId.parse('a'.repeat(32));
const another = sessionId.parse('b'.repeat(32));

describe('a lease', () => {
  it('never lasts longer here than where it was given, and never for an older generation', () => {
    // Beats are sent in order; the server answers some of them, late, repeated and in any order.
    const step = fc.record({
      passMs: fc.nat(2_000),
      beat: fc.nat(40),
      generation: fc.nat(5),
      durationMs: fc.nat(5_000),
      ours: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const lease = new HeldLease(mine);
        const sentAtMs: number[] = [];
        let nowMs = 0;
        let endsAtMs = -1;
        let newest = -1;
        for (const { passMs, beat, durationMs, ours, ...given } of steps) {
          nowMs += passMs;
          lease.sent(sentAtMs.length, nowMs);
          sentAtMs.push(nowMs);
          const named = generation.parse(given.generation);
          const session = ours ? mine : another;
          const taken = lease.take({ session, beat, generation: named, durationMs });
          const sent = sentAtMs[beat];
          expect(taken).toBe(ours && sent !== undefined);
          if (taken && sent !== undefined) {
            endsAtMs = Math.max(endsAtMs, sent + durationMs);
            newest = Math.max(newest, named);
          }
          for (const one of [0, 1, 2, 3, 4, 5]) {
            expect(lease.allows(generation.parse(one), nowMs)).toBe(nowMs < endsAtMs && one >= newest && newest >= 0);
          }
        }
      }),
    );
  });

  it('is not believed for more than a minute, nor in answer to a beat of long ago', () => {
    const lease = new HeldLease(mine);
    for (let beat = 0; beat < 100; beat++) lease.sent(beat, beat * 1_000);
    const granted = { session: mine, generation: generation.parse(0), durationMs: 1e12 };
    expect(lease.take({ ...granted, beat: 20 })).toBe(false);
    expect(lease.take({ ...granted, beat: 99 })).toBe(true);
    expect(lease.allows(generation.parse(0), 99_000 + 59_999)).toBe(true);
    expect(lease.allows(generation.parse(0), 99_000 + 60_000)).toBe(false);
  });
});
