import { CancelSource, CutpointError, onCancel } from '@cutpoint/core';
import { describe, expect, it } from 'vitest';
import { CircuitBreaker } from './circuit-breaker.js';
import { HedgeBudget } from './hedge-budget.js';
import { climb } from './ladder.js';
import type { Climbed, Rung } from './rung.js';
import { SimulatedClock, type SimulatedRung, simulatedRung, type Weather } from './simulation.testing.js';

const always = (kind: Weather['kind']): readonly Weather[] => [{ untilMs: Number.POSITIVE_INFINITY, kind }];
const bytes = 1_000;

function world() {
  const clock = new SimulatedClock();
  const link = (name: string, weather: readonly Weather[] = [], usualMs = 10): SimulatedRung => {
    const rung = simulatedRung(name, clock, { usualMs, weather, breaker: new CircuitBreaker({ clock }) });
    for (let i = 0; i < 10; i++) rung.pace.add(bytes, usualMs);
    return rung;
  };
  const local = simulatedRung('local', clock, { usualMs: 100 });
  for (let i = 0; i < 10; i++) local.pace.add(bytes, 100);
  return { clock, link, local };
}

interface Told {
  readonly atMs: number;
  readonly climbed?: Climbed<number>;
  readonly error?: CutpointError;
}

async function ask(
  clock: SimulatedClock,
  rungs: readonly Rung<number, number>[],
  { deadlineMs = 1_000, signal, hedges }: { deadlineMs?: number; signal?: CancelSource; hedges?: HedgeBudget } = {},
): Promise<Told> {
  const from = clock.now();
  let told: Told | undefined;
  climb(rungs, 7, { deadlineMs, id: 'a', bytes, clock, signal, ...(hedges && { hedges }) }).then(
    (climbed) => {
      told = { atMs: clock.now() - from, climbed };
    },
    (error: CutpointError) => {
      told = { atMs: clock.now() - from, error };
    },
  );
  await clock.runUntil(from + deadlineMs + 1);
  if (told === undefined) throw new Error('The request was neither answered nor refused.');
  return told;
}

describe('a ladder', () => {
  it('takes the first rung where that answers, and asks no other', async () => {
    const { clock, link, local } = world();
    const { atMs, climbed } = await ask(clock, [link('a'), local]);
    expect(atMs).toBe(10);
    expect(climbed).toMatchObject({ answer: 49, rung: 'a', fallback: false });
    expect(local.asked).toEqual([]);
  });

  it('takes the next at once where one fails, and says so', async () => {
    const { clock, link, local } = world();
    const { atMs, climbed } = await ask(clock, [link('a', always('gone')), link('b'), local]);
    expect(atMs).toBe(11);
    expect(climbed).toMatchObject({ answer: 49, rung: 'b', fallback: true });
    expect(climbed?.tried).toEqual([
      { rung: 'a', outcome: 'failed', ms: 1, code: 'CUT_CONNECTION_LOST', message: 'The link is gone.' },
      { rung: 'b', outcome: 'answered', ms: 10 },
    ]);
  });

  it('begins the next beside one that is slower than usual, and cancels who is late', async () => {
    const { clock, link, local } = world();
    const slow = link('a', always('silent'));
    const { atMs, climbed } = await ask(clock, [slow, local]);
    // 50 ms of patience and 100 ms for the answer.
    expect(atMs).toBe(150);
    expect(climbed?.tried).toMatchObject([
      { rung: 'local', outcome: 'answered' },
      { rung: 'a', outcome: 'slow' },
    ]);
  });

  it('begins no second attempt where too many were begun, unless the link is left', async () => {
    const { clock, link, local } = world();
    const hedges = new HedgeBudget();
    while (hedges.spend());
    const slow = link('a', always('slow'));
    const waited = await ask(clock, [slow, local], { hedges, deadlineMs: 2_000 });
    expect(waited).toMatchObject({ atMs: 1_000, climbed: { rung: 'a' } });
    expect(local.asked).toEqual([]);
    const silent = link('b', always('silent'));
    clock.after(300, () => {
      for (let i = 0; i < 3; i++) silent.breaker?.enter()?.bad('slow');
    });
    const { atMs, climbed } = await ask(clock, [silent, local], { hedges });
    expect(climbed).toMatchObject({ rung: 'local' });
    expect(atMs).toBe(400);
  });

  it('lets the slow one answer where that is first after all', async () => {
    const { clock, link, local } = world();
    const late = { ...link('a'), run: link('late', [], 80).run };
    const { atMs, climbed } = await ask(clock, [late, local]);
    expect(atMs).toBe(80);
    expect(climbed).toMatchObject({ rung: 'a', fallback: false });
  });

  it('never has more than two at a time under way', async () => {
    const { clock, link, local } = world();
    let running = 0;
    let most = 0;
    const counted = (rung: SimulatedRung): Rung<number, number> => ({
      ...rung,
      run: (request, options) => {
        running += 1;
        most = Math.max(most, running);
        onCancel(options.signal, () => {
          running -= 1;
        });
        return rung.run(request, options);
      },
    });
    const rungs = [link('a', always('silent')), link('b', always('silent')), link('c', always('silent')), local];
    const { climbed } = await ask(clock, rungs.map(counted));
    expect(climbed?.rung).toBe('local');
    expect(most).toBe(2);
  });

  it('leaves the last rung the time it needs, however short the deadline', async () => {
    for (const deadlineMs of [150, 160, 200, 400]) {
      const { clock, link, local } = world();
      const unknown = () => simulatedRung('?', clock, { usualMs: 1, weather: always('silent') });
      const rungs = [{ ...link('a', always('silent')), pace: unknown().pace }, unknown(), local];
      expect((await ask(clock, rungs, { deadlineMs })).climbed?.rung).toBe('local');
    }
  });

  it('leaves a link that was slow three times, and uses it again when it has healed', async () => {
    const { clock, link, local } = world();
    const rungs = [link('a', [{ untilMs: 5_000, kind: 'slow' }]), local];
    const times: number[] = [];
    for (let i = 0; i < 4; i++) times.push((await ask(clock, rungs, { deadlineMs: 2_000 })).atMs);
    expect(times.slice(0, 3)).toEqual([150, 150, 150]);
    await clock.runUntil(8_000 + 5_000);
    const { climbed } = await ask(clock, rungs);
    expect(climbed?.rung).toBe('a');
  });

  it('does not try another plan over a link that is slow while another link is left', async () => {
    const { clock, link, local } = world();
    const slow = link('a, cut 1', always('silent'));
    const same = { ...link('a, cut 2'), breaker: slow.breaker };
    const { climbed } = await ask(clock, [slow, same, local]);
    expect(climbed?.rung).toBe('local');
  });

  it('tries links that were left when nothing else is', async () => {
    const { clock, link } = world();
    const only = link('a');
    for (let i = 0; i < 3; i++) only.breaker?.enter().bad('failed');
    expect((await ask(clock, [only])).climbed?.rung).toBe('a');
  });

  it('does not climb with a request that is wrong', async () => {
    const { clock, link, local } = world();
    const wrong = {
      ...link('a'),
      run: async () => {
        throw new CutpointError('CUT_INPUT', 'Wrong.');
      },
    };
    const { error } = await ask(clock, [wrong, local]);
    expect(error).toMatchObject({ code: 'CUT_INPUT', message: 'Wrong.' });
    expect(local.asked).toEqual([]);
  });

  it('names every reason where no rung answers, and ends at the deadline', async () => {
    const { clock, link } = world();
    const gone = await ask(clock, [link('a', always('gone')), link('b', always('gone'))]);
    expect(gone.error?.code).toBe('CUT_CONNECTION_LOST');
    expect(gone.error?.message).toContain('a: The link is gone. b: The link is gone.');
    const silent = await ask(clock, [link('a', always('silent'))], { deadlineMs: 300 });
    expect(silent).toMatchObject({ atMs: 300, error: { code: 'CUT_DEADLINE' } });
    expect((await ask(clock, [])).error?.code).toBe('CUT_UNREACHABLE');
  });

  it('ends at once when the caller cancels', async () => {
    const { clock, link } = world();
    const signal = new CancelSource();
    clock.after(20, () => signal.abort(new CutpointError('CUT_CANCELLED', 'Enough.')));
    const { atMs, error } = await ask(clock, [link('a', always('silent'))], { signal });
    expect(atMs).toBe(20);
    expect(error?.message).toBe('Enough.');
  });
});
