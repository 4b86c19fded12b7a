import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cutpoint, until } from './processes.testing.js';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-demo-test-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const minutes = 60_000;

interface Result {
  readonly sent: number;
  readonly answered: number;
  readonly lost: number;
  readonly wrong: number;
  readonly killed: string;
  readonly longestGapMs: number;
  readonly phases: readonly { readonly ways: readonly { readonly way: string; readonly answered: number }[] }[];
}

const isThere = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

/** What it said that it started. */
const pidsIn = (stderr: string) => [...stderr.matchAll(/: process (\d+)/g)].map(([, pid]) => Number(pid));

/** The runtime's library writes a file of its own there. */
const ownFiles = async () => (await readdir(folder)).filter((name) => name.startsWith('cutpoint'));

describe('the demo of a fleet', () => {
  it('goes on when an agent is killed, and leaves nothing behind', { retry: 2, timeout: 4 * minutes }, async () => {
    await using demo = cutpoint(['demo', '--fleet', '--seconds', '2', '--json'], { TMPDIR: folder });
    const status = await demo.exit(3 * minutes);
    const result = JSON.parse(demo.stdout) as Result;
    expect(result).toMatchObject({ wrong: 0, lost: 0, killed: 'pi-2', answered: result.sent });
    expect(status).toBe(0);
    expect(result.longestGapMs).toBeLessThan(2_000);
    const [before, away] = result.phases.map(({ ways }) => ways.map(({ way }) => way));
    expect(before?.[0]).toBe('pi-1 > pi-2');
    expect(away).toContain('pi-1 > pi-3');
    expect(pidsIn(demo.stderr)).toHaveLength(5);
    expect(pidsIn(demo.stderr).filter(isThere)).toEqual([]);
    expect(await ownFiles()).toEqual([]);
  });

  it(
    'leaves nothing behind when it is interrupted',
    async () => {
      await using demo = cutpoint(['demo', '--fleet', '--json'], { TMPDIR: folder });
      await until(() => demo.stderr.includes('requests/s begin'), 'the load has begun', 2 * minutes);
      demo.kill('SIGINT');
      expect(await demo.exit()).toBe(1);
      expect(JSON.parse(demo.stdout)).toMatchObject({ error: { code: 'CUT_CANCELLED' } });
      expect(pidsIn(demo.stderr)).toHaveLength(4);
      expect(pidsIn(demo.stderr).filter(isThere)).toEqual([]);
      expect(await ownFiles()).toEqual([]);
    },
    4 * minutes,
  );
});
