import { describe, expect, it } from 'vitest';
import { type CommandAction, CommandsOnce } from './commands-once.js';
import { newSession } from './member.js';

const id = (number: number) => number.toString(16).padStart(32, '0');
const asked = (number: number, action: CommandAction = { kind: 'logs', lines: 10 }) => ({
  id: id(number),
  session: newSession(),
  budgetMs: 1_000,
  action,
});

describe('commands', () => {
  it('are done once, and a repeat gets the same answer, also while it is being done', async () => {
    let done = 0;
    const commands = new CommandsOnce(async () => [`run ${++done}`]);
    const both = [commands.execute(asked(1)), commands.execute(asked(1))];
    await expect(Promise.all(both)).resolves.toEqual([
      { ok: true, lines: ['run 1'] },
      { ok: true, lines: ['run 1'] },
    ]);
    await expect(commands.execute(asked(1))).resolves.toEqual({ ok: true, lines: ['run 1'] });
    await expect(commands.execute(asked(2))).resolves.toEqual({ ok: true, lines: ['run 2'] });
  });

  it('may have a budget of part of a millisecond, or one beyond any timer', async () => {
    const commands = new CommandsOnce(async () => ['done']);
    for (const [i, budgetMs] of [0, 0.5, 1_000.25, 1e12].entries()) {
      await expect(commands.execute({ ...asked(i), budgetMs })).resolves.toEqual({ ok: true, lines: ['done'] });
    }
  });

  it('tell the code of what goes wrong, and stop when nobody waits any more', async () => {
    const commands = new CommandsOnce(async (_, signal) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      throw new Error('gave up');
    });
    await expect(commands.execute({ ...asked(1), budgetMs: 20 })).resolves.toEqual({
      ok: false,
      code: 'CUT_INTERNAL',
      message: 'gave up',
    });
  });

  it('are refused when too many are under way, and not remembered then', async () => {
    const waiting: (() => void)[] = [];
    const commands = new CommandsOnce(() => new Promise((resolve) => waiting.push(() => resolve([]))));
    const first = Array.from({ length: 8 }, (_, i) => commands.execute(asked(i)));
    await expect(commands.execute(asked(99))).resolves.toMatchObject({ ok: false, code: 'CUT_OVERLOADED' });
    for (const finish of waiting) finish();
    await Promise.all(first);
    const again = commands.execute(asked(99));
    waiting.at(-1)?.();
    await expect(again).resolves.toMatchObject({ ok: true });
  });

  it('send the newest lines where all are too long for a message', async () => {
    const lines = Array.from({ length: 1_000 }, (_, i) => `${i} ${'"'.repeat(5_000)}`);
    const outcome = await new CommandsOnce(async () => lines).execute(asked(1));
    expect(JSON.stringify(outcome).length).toBeLessThan(256 * 1024);
    const kept = outcome.ok ? (outcome.lines ?? []) : [];
    expect(kept.length).toBeGreaterThan(20);
    expect(kept.at(-1)).toMatch(/^999 /);
  });
});
