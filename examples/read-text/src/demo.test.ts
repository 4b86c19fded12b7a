import { execFile } from 'node:child_process';
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
});

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
