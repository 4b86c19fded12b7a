import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const demo = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const picture = (name: string) => fileURLToPath(new URL(`../pictures/${name}.png`, import.meta.url));
const run = promisify(execFile);

it('reads pictures whole and split with the same answer, bit for bit without optimisations', async () => {
  const { stdout } = await run(process.execPath, [demo, '--exact', '--json', picture('plain'), picture('chinese')]);
  const report = JSON.parse(stdout);
  expect(report.agree).toBe(true);
  expect(report.pictures).toMatchObject([
    { maxAbsDiff: 0, whole: { text: 'Cut where few bytes cross.' }, split: { text: 'Cut where few bytes cross.' } },
    { maxAbsDiff: 0, whole: { text: '千里之行，始于足下。' }, split: { text: '千里之行，始于足下。' } },
  ]);
}, 60_000);

it.each(['SIGINT', 'SIGKILL'] as const)(
  'leaves no daemon behind after %s',
  async (signal) => {
    const child = spawn(process.execPath, [demo, picture('plain')], { stdio: ['ignore', 'pipe', 'ignore'] });
    const exited = once(child, 'exit');
    const ports = await startedPorts(child.stdout);
    expect(ports).toHaveLength(2);
    expect(await Promise.all(ports.map(isListening))).toEqual([true, true]);
    child.kill(signal);
    child.stdout.resume();
    expect(await exited).toEqual(signal === 'SIGINT' ? [1, null] : [null, 'SIGKILL']);
    // Only a demo that was killed cannot wait for its daemons.
    const tries = signal === 'SIGKILL' ? 200 : 1;
    for (let i = 1; i < tries && (await Promise.all(ports.map(isListening))).includes(true); i++) await delay(100);
    expect(await Promise.all(ports.map(isListening))).toEqual([false, false]);
  },
  60_000,
);

it.each([
  ['a cut that is no number', 2, ['--at', 'middle'], 'CUT_USAGE: --at is "middle"'],
  ['a cut that does not exist', 2, ['--at', '99999'], 'CUT_ILLEGAL_CUT: '],
  [
    'an unknown option',
    2,
    ['--speed'],
    "CUT_USAGE: Unknown option '--speed'; `npm run demo -- --help` shows the options.",
  ],
  ['an option without its value', 2, ['--at'], "CUT_USAGE: Option '--at <value>' argument missing; `npm run demo"],
  ['an absent picture', 1, ['absent.png'], 'absent.png cannot be read: no such file or directory.'],
])('says what is wrong in one line and tells no story: %s', async (_, code, args, words) => {
  const wrong = run(process.execPath, [demo, ...args]);
  await expect(wrong).rejects.toMatchObject({ code, stdout: '', stderr: expect.stringContaining(words) });
  await expect(wrong).rejects.toMatchObject({ stderr: expect.stringMatching(/^error CUT_[A-Z_]+: .*\n$/) });
});

/** The ports of the daemons, once the demo has said that they run. */
async function startedPorts(stdout: Readable): Promise<number[]> {
  let output = '';
  for await (const chunk of stdout.iterator({ destroyOnReturn: false })) {
    output += String(chunk);
    if (output.includes('The pictures')) break;
  }
  return [...output.matchAll(/ws:\/\/127\.0\.0\.1:(\d+)/g)].map(([, port]) => Number(port));
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED') return false;
    throw error;
  } finally {
    socket.destroy();
  }
}
