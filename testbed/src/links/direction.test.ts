import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createDirection, seededRandom } from './direction.js';
import type { Trace } from './link-parameters.js';

const clean = { rateMbit: 8, delayMs: 10, jitterMs: 0, lossPct: 0 };
const options = (trace?: Trace) => ({ random: seededRandom(1), roundTripMs: () => 20, trace });

describe('one direction of a link', () => {
  it('sends a chunk after the one before it, then delays it', () => {
    const line = createDirection(clean, options());
    expect(line.schedule(100, 1000)).toBe(111);
    expect(line.schedule(100, 2000)).toBe(113);
    expect(line.backlogMs(100)).toBe(3);
    expect(line.schedule(200, 1000)).toBe(211);
  });

  it('takes new figures for what arrives after the change, and keeps the order', () => {
    const line = createDirection(clean, options());
    line.schedule(0, 1000);
    line.set({ ...clean, rateMbit: 80, delayMs: 1 });
    expect(line.schedule(0, 1000)).toBe(11);
    expect(line.schedule(50, 1000)).toBeCloseTo(51.1, 9);
  });

  it('replays a trace in a loop, at the moment when the line sends', () => {
    const trace = {
      points: [
        { seconds: 0, rateMbit: 8 },
        { seconds: 1, rateMbit: 0.8, delayMs: 40 },
      ],
      periodS: 2,
    };
    const line = createDirection(clean, options(trace));
    expect(line.schedule(5000, 1000)).toBe(5011);
    expect(line.schedule(6000, 1000)).toBe(6050);
    expect(line.schedule(7000, 1000)).toBe(7011);
  });

  it('never exceeds its rate, never reorders and never hurries, whatever the jitter and loss', () => {
    const chunk = fc.record({
      afterMs: fc.double({ min: 0, max: 50, noNaN: true }),
      bytes: fc.integer({ min: 0, max: 65_536 }),
    });
    fc.assert(
      fc.property(fc.array(chunk, { minLength: 1 }), fc.nat(), (chunks, seed) => {
        const line = createDirection(
          { rateMbit: 10, delayMs: 5, jitterMs: 3, lossPct: 2 },
          { random: seededRandom(seed), roundTripMs: () => 10 },
        );
        let nowMs = 0;
        let sent = 0;
        let last = 0;
        for (const { afterMs, bytes } of chunks) {
          nowMs += afterMs;
          sent += bytes;
          const due = line.schedule(nowMs, bytes);
          expect(due).toBeGreaterThanOrEqual(Math.max(last, nowMs + 2));
          expect(due - 2 + 1e-6).toBeGreaterThanOrEqual(sent / 1250);
          last = due;
        }
      }),
    );
  });

  it('loses as many segments as it should, each for the time of a retransmission', () => {
    const line = createDirection(
      { ...clean, rateMbit: 1e6, lossPct: 1 },
      { random: seededRandom(7), roundTripMs: () => 150 },
    );
    let lost = 0;
    const sent = 20_000;
    for (let i = 0; i < sent; i += 1) {
      const late = line.schedule(i * 1000, 1460) - i * 1000 - 10;
      if (late > 1) {
        expect(late).toBeCloseTo(300, 1);
        lost += 1;
      }
    }
    expect(lost / sent).toBeGreaterThan(0.008);
    expect(lost / sent).toBeLessThan(0.012);
  });
});
