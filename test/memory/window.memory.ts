import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CutpointError } from '@cutpoint/core';
import { runLimited } from '@cutpoint/testbed';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const halfBytes = 8_000_000;
const halves = 40;
const budgetBytes = 100_000_000;
/** Of Node with two threads: some 40 MB were measured, and there is room. */
const processBytes = 90_000_000;
/** Waits for a line, so that what it takes is all counted by its group. */
const waiting = ['-c', 'read go; exec "$@"', 'sh', process.execPath, '--input-type=module', '-e'];

/** Takes every half layer three times over; an open one is a copy of its bytes. Says how many bytes it streamed for a token. */
const program = `
  import { LayerWindow } from '@cutpoint/cluster';
  const [path, halves, bytes, budgetBytes] = process.argv.slice(1).map((text, i) => (i === 0 ? text : Number(text)));
  const copy = async (weights) => ({ kept: Buffer.from(weights), release: async () => {} });
  const layers = Array.from({ length: halves }, (_, i) => ({
    name: 'half layer ' + i, path, span: { offset: i * bytes, bytes }, openBytes: bytes, open: copy,
  }));
  const window = await LayerWindow.open(layers, { rank: 0, budgetBytes });
  for (let i = 0; i < 3 * halves; i++) {
    const { kept } = await window.take(i % halves);
    if (kept[0] !== i % halves || kept.at(-1) !== i % halves) throw new Error('These are other bytes.');
    await window.release(i % halves);
    globalThis.gc?.();
  }
  console.log(window.report().plan.streamedBytes);
  await window[Symbol.asyncDispose]();
`;

let folder: string;
let path: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'window-memory-'));
  path = join(folder, 'halves.bin');
  await writeFile(path, Buffer.concat(Array.from({ length: halves }, (_, i) => Buffer.alloc(halfBytes, i))));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe.skipIf(!(await canLimit()))('a window under a limit of memory (skipped without control groups)', () => {
  it('lets three times its own bytes through, token after token, within what it was given', async () => {
    const ran = await runUnder(budgetBytes + processBytes, budgetBytes);
    expect(ran).toMatchObject({ status: 0, signal: null });
    expect(Number(ran.output)).toBeGreaterThan(200_000_000);
    process.stderr.write(
      `peak ${(ran.peakBytes / 1e6).toFixed(0)} MB, of ${(budgetBytes / 1e6).toFixed(0)} MB given\n`,
    );
  });

  it('is killed where it is given more than the limit', async () => {
    const ran = await runUnder(budgetBytes + processBytes, 3 * budgetBytes);
    expect(ran).toMatchObject({ status: null, signal: 'SIGKILL' });
  });
});

async function runUnder(limitBytes: number, windowBytes: number) {
  const numbers = [halves, halfBytes, windowBytes].map(String);
  // Copies are given back when they are dropped, not when the engine finds time.
  const args = [...waiting.slice(0, 4), '--expose-gc', ...waiting.slice(4), program, path, ...numbers];
  const child = spawn('/bin/sh', args, { stdio: ['pipe', 'pipe', 'inherit'], timeout: 60_000 });
  const ended = once(child, 'close');
  let output = '';
  child.stdout.on('data', (data: Buffer) => {
    output += data.toString();
  });
  await using limit = await runLimited(child.pid ?? -1, limitBytes);
  child.stdin.end('go\n');
  const [status, signal] = await ended;
  return { status, signal, output, peakBytes: await limit.peakBytes() };
}

async function canLimit(): Promise<boolean> {
  const child = spawn('/bin/sh', ['-c', 'read go'], { stdio: ['pipe', 'ignore', 'ignore'] });
  try {
    await using _ = await runLimited(child.pid ?? -1, 1e9);
    child.stdin?.end();
    await once(child, 'exit');
    return true;
  } catch (thrown) {
    child.kill();
    if (thrown instanceof CutpointError && thrown.code === 'CUT_EMULATION') return false;
    throw thrown;
  }
}
