import { setTimeout as sleep } from 'node:timers/promises';
import { type NamedTensors, tensorOf } from '@cutpoint/core';
import { describe, expect, it } from 'vitest';
import { loadSegment } from './load-segment.js';
import { slowModel } from './onnx-bytes.testing.js';
import type { Segment } from './segment.js';

const square = (n: number): NamedTensors => new Map([['x', tensorOf('f32', [n, n], new Float32Array(n * n))]]);
const tries = Array.from({ length: 6 });

/** About 100 ms at n = 512. */
const slow = slowModel(24);

/** By how much the parts of the time of each of three calls and the time that passed for it differ, at most. */
async function unaccountedUs(segment: Segment): Promise<number> {
  const started = performance.now();
  const calls = [0, 1, 2].map(async () => {
    const { timing } = await segment.run(square(384));
    return { timing, wallUs: (performance.now() - started) * 1000 };
  });
  const results = await Promise.all(calls);
  const differences = results.map(({ timing: { queueUs, inputUs, computeUs, outputUs }, wallUs }) => {
    for (const part of [queueUs, inputUs, computeUs, outputUs]) expect(part).toBeGreaterThanOrEqual(0);
    return Math.abs(queueUs + inputUs + computeUs + outputUs - wallUs);
  });
  const [first, , third] = results;
  expect(third?.timing.queueUs).toBeGreaterThan((first?.timing.computeUs ?? Infinity) * 0.8);
  return Math.max(...differences);
}

/** How often the time of a call passes before the next is served, where that call and longer ones after it are cancelled. */
async function heldUpBy(segment: Segment): Promise<number> {
  const controller = new AbortController();
  // The second would take eight times as long as the running one.
  const cancelled = [512, 1024, 512, 512].map((n) => segment.run(square(n), { signal: controller.signal }));
  const last = segment.run(square(2));
  await sleep(20);
  controller.abort();
  for (const { status } of await Promise.allSettled(cancelled)) expect(status).toBe('rejected');
  const { timing } = await last;
  const { timing: one } = await segment.run(square(512));
  return timing.queueUs / one.computeUs;
}

describe.each(['thread', 'process'] as const)('a segment in a %s', (isolation) => {
  it('accounts for all of the time of its calls', async () => {
    await using segment = await loadSegment({ kind: 'bytes', model: slow }, { isolation });
    const differencesUs: number[] = [];
    for (const _ of tries) differencesUs.push(await unaccountedUs(segment));
    expect(Math.min(...differencesUs)).toBeLessThan(20_000);
  });

  it('is held up by the cancelled call that was running, but not by those that waited', async () => {
    await using segment = await loadSegment({ kind: 'bytes', model: slow }, { isolation });
    const times: number[] = [];
    for (const _ of tries) times.push(await heldUpBy(segment));
    expect(Math.min(...times)).toBeLessThan(4);
  });
});
