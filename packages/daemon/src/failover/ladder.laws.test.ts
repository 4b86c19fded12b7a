import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CircuitBreaker } from './circuit-breaker.js';
import { climb } from './ladder.js';
import type { Climbed } from './rung.js';
import { SimulatedClock, simulatedRung, type Weather } from './simulation.testing.js';

const bytes = 1_000;
const localMs = 60;

interface Told {
  readonly request: number;
  readonly sentMs: number;
  readonly deadlineMs: number;
  endedMs?: number;
  times: number;
  climbed?: Climbed<number>;
}

/** Weather that changes now and then, and is good in the end. */
const weather = fc
  .array(
    fc.record({
      lastsMs: fc.integer({ min: 50, max: 1_500 }),
      kind: fc.constantFrom('well', 'gone', 'silent', 'slow' as const),
    }),
    { maxLength: 3 },
  )
  .map((spells): readonly Weather[] => {
    let untilMs = 0;
    return spells.map(({ lastsMs, kind }) => {
      untilMs += lastsMs;
      return { untilMs, kind };
    });
  });

const scene = fc.record({
  links: fc.array(fc.record({ usualMs: fc.integer({ min: 1, max: 80 }), weather }), { minLength: 1, maxLength: 3 }),
  everyMs: fc.integer({ min: 20, max: 200 }),
  /** At least what the last rung needs with its reserve. */
  deadlineMs: fc.integer({ min: Math.ceil(localMs * 1.5) + 1, max: 3_000 }),
});

type Scene = typeof scene extends fc.Arbitrary<infer S> ? S : never;

/** Sends requests for a while after the weather has become good. */
async function play({ links, everyMs, deadlineMs }: Scene, withLocal: boolean) {
  const clock = new SimulatedClock();
  const rungs = links.map(({ usualMs, weather: own }, i) =>
    simulatedRung(`link ${i}`, clock, { usualMs, weather: own, breaker: new CircuitBreaker({ clock }) }),
  );
  const local = simulatedRung('local', clock, { usualMs: localMs });
  local.pace.add(bytes, localMs);
  const ladder = withLocal ? [...rungs, local] : rungs;
  const healedMs = Math.max(0, ...links.flatMap(({ weather: own }) => own.map(({ untilMs }) => untilMs)));
  const told: Told[] = [];
  for (let request = 0; request * everyMs < healedMs + 4_000; request++) {
    await clock.runUntil(request * everyMs);
    const entry: Told = { request, sentMs: clock.now(), deadlineMs, times: 0 };
    told.push(entry);
    const end = () => {
      entry.endedMs = clock.now();
      entry.times += 1;
    };
    climb(ladder, request, { deadlineMs, id: `${request}`, bytes, clock }).then((climbed) => {
      entry.climbed = climbed;
      end();
    }, end);
  }
  await clock.runUntil(clock.now() + deadlineMs + 1);
  return { told, rungs, healedMs };
}

/** Once one request waited almost until its deadline for a link that is slow, which then rested. */
const triedUntilItsDeadline: Scene = {
  links: [
    {
      usualMs: 16,
      weather: [
        { untilMs: 806, kind: 'gone' },
        { untilMs: 1_818, kind: 'slow' },
      ],
    },
    {
      usualMs: 1,
      weather: [
        { untilMs: 50, kind: 'well' },
        { untilMs: 1_105, kind: 'slow' },
      ],
    },
  ],
  everyMs: 23,
  deadlineMs: 1_544,
};

/** Once each trial of the first link began as another was about to answer, and told nothing. */
const triedOnlyInPassing: Scene = {
  links: [
    { usualMs: 1, weather: [{ untilMs: 135, kind: 'silent' }] },
    { usualMs: 43, weather: [] },
    { usualMs: 1, weather: [] },
  ],
  everyMs: 43,
  deadlineMs: 176,
};

describe('a ladder under any weather', () => {
  it('ends every request once and in time, with its own answer, and answers all where the whole model fits', async () => {
    await fc.assert(
      fc.asyncProperty(scene, async (given) => {
        const { told } = await play(given, true);
        for (const { request, sentMs, deadlineMs, endedMs, times, climbed } of told) {
          expect(times).toBe(1);
          expect(endedMs).toBeLessThanOrEqual(sentMs + deadlineMs);
          expect(climbed?.answer).toBe(request ** 2);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('uses the first link again within 3 s after it has healed', async () => {
    await fc.assert(
      fc.asyncProperty(scene, async (given) => {
        const { told, healedMs } = await play(given, true);
        const [first] = given.links;
        // With less time the others are begun beside it, and whoever is first answers.
        const shareMs = (given.deadlineMs - 1.5 * localMs) / given.links.length;
        fc.pre(first !== undefined && first.usualMs < Math.min(localMs / 2, shareMs));
        const late = told.filter(({ sentMs }) => sentMs >= healedMs + 3_000);
        for (const { climbed } of late) expect(climbed).toMatchObject({ rung: 'link 0', fallback: false });
      }),
      { numRuns: 40, examples: [[triedUntilItsDeadline], [triedOnlyInPassing]] },
    );
  });

  it('without a last rung that always answers still ends in time, with its own answer', async () => {
    await fc.assert(
      fc.asyncProperty(scene, async (given) => {
        const { told } = await play(given, false);
        for (const { request, sentMs, deadlineMs, endedMs, times, climbed } of told) {
          expect(times).toBe(1);
          expect(endedMs).toBeLessThanOrEqual(sentMs + deadlineMs);
          if (climbed !== undefined) expect(climbed.answer).toBe(request ** 2);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('without a last rung answers once all links are well, where each has the time that it needs', async () => {
    // With less, a link of which nothing is known may be left for another just before it would have answered.
    const enough = scene.filter(
      ({ links, deadlineMs }) =>
        deadlineMs >= 2 * (links.length - 1) * Math.max(...links.map(({ usualMs }) => usualMs)),
    );
    await fc.assert(
      fc.asyncProperty(enough, async (given) => {
        const { told, healedMs } = await play(given, false);
        const unanswered = told.filter(({ sentMs, climbed }) => sentMs >= healedMs && climbed === undefined);
        expect(unanswered).toEqual([]);
      }),
      { numRuns: 40 },
    );
  });

  it('does not leave one that is about to answer for one of which is known that it would be too late', async () => {
    const given = {
      links: [
        { usualMs: 58, weather: [] },
        { usualMs: 35, weather: [{ untilMs: 437, kind: 'gone' as const }] },
        { usualMs: 69, weather: [] },
      ],
      everyMs: 23,
      deadlineMs: 91,
    };
    const { told, healedMs } = await play(given, false);
    const unanswered = told.filter(({ sentMs, climbed }) => sentMs >= healedMs && climbed === undefined);
    expect(unanswered).toEqual([]);
  });

  it('hardly waits for a link that has come down to 1 % of its rate', async () => {
    const given = {
      links: [
        {
          usualMs: 20,
          weather: [
            { untilMs: 1_000, kind: 'well' as const },
            { untilMs: 20_000, kind: 'slow' as const },
          ],
        },
      ],
      everyMs: 50,
      deadlineMs: 3_000,
    };
    const { told } = await play(given, true);
    const slow = told.filter(({ sentMs }) => sentMs >= 1_500 && sentMs < 20_000);
    const waited = slow.filter(({ sentMs, endedMs = 0 }) => endedMs - sentMs > localMs);
    // Only those that look whether it is better, one in 1.5 s.
    expect(waited.length).toBeLessThan(20);
    expect(Math.max(...slow.map(({ sentMs, endedMs = 0 }) => endedMs - sentMs))).toBeLessThan(200);
  });
});
