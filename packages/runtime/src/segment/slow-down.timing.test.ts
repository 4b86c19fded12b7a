import { spawn } from 'node:child_process';
import { cpus } from 'node:os';
import { median, tensorOf } from '@cutpoint/core';
import { describe, expect, it } from 'vitest';
import { nowUs } from './clock.js';
import { loadSegment } from './load-segment.js';
import { slowModel } from './onnx-bytes.testing.js';
import { SlowDown } from './slow-down.js';
import { threadTimeUs } from './thread-time.js';

const model = slowModel(24);
const square = new Map([['x', tensorOf('f32', [192, 192], new Float32Array(192 * 192))]]);

function compute(slowed: SlowDown, us: number): { fromUs: number; toUs: number } {
  slowed.begin();
  const fromUs = nowUs();
  while (nowUs() - fromUs < us);
  return { fromUs, toUs: nowUs() };
}

/** Runs of 0.7 ms each at a third of the speed: how far they are off per run, and in total. */
function errorsOfRuns(runs: number): { perRunUs: number; ratio: number } {
  const slowed = new SlowDown(3);
  const startUs = nowUs();
  let wantedUs = 0;
  for (let i = 0; i < runs; i += 1) {
    const { fromUs, toUs } = compute(slowed, 700);
    wantedUs += 3 * (toUs - fromUs);
    slowed.end(fromUs, toUs);
  }
  const tookUs = nowUs() - startUs;
  return { perRunUs: Math.abs(tookUs - wantedUs) / runs, ratio: tookUs / wantedUs };
}

describe('a slowed run', () => {
  it('takes the factor times its own time, to a fifth of a millisecond and without adding errors up', {
    retry: 3,
  }, () => {
    // The quietest of several attempts: others use the machine too.
    const least = { perRunUs: Number.POSITIVE_INFINITY, off: Number.POSITIVE_INFINITY };
    for (let attempt = 0; attempt < 60 && (least.perRunUs >= 200 || least.off >= 0.05); attempt++) {
      const { perRunUs, ratio } = errorsOfRuns(40);
      least.perRunUs = Math.min(least.perRunUs, perRunUs);
      least.off = Math.min(least.off, Math.abs(ratio - 1));
    }
    expect(least.perRunUs).toBeLessThan(200);
    expect(least.off).toBeLessThan(0.05);
  });

  it('does not make up for a stall by being as fast as a device that is not slowed', { retry: 9 }, () => {
    const slowed = new SlowDown(3);
    const longAgo = nowUs() - 1_000_000;
    slowed.end(longAgo - 1000, longAgo);
    for (let i = 0; i < 20; i += 1) {
      const { fromUs, toUs } = compute(slowed, 1000);
      expect(slowed.end(fromUs, toUs) - fromUs).toBeGreaterThan(1900);
    }
  });

  it('is left alone at factor one', () => {
    expect(new SlowDown(1).end(5, 7)).toBe(7);
  });
});

describe.each(['thread', 'process'] as const)('a slowed segment in a %s', (isolation) => {
  it('counts the slowness as compute time, holds its worker and stays healthy', {
    retry: 3,
  }, async () => {
    await using plain = await loadSegment({ kind: 'bytes', model }, { isolation });
    await using slowed = await loadSegment({ kind: 'bytes', model }, { isolation, slowDown: 10 });
    const times = { plain: [] as number[], slowed: [] as number[], inTurn: [] as number[] };
    // Wide bounds, and several tries: after a sleep the caches are cold, and others use the machine too. The exact law is tested above.
    const ratios = () => [times.slowed, times.inTurn].map((slow) => Math.min(...slow) / Math.min(...times.plain));
    const areWithin = () => ratios().every((ratio) => ratio > 5 && ratio < 20);
    for (let i = 0; i < 8 || (i < 40 && !areWithin()); i += 1) {
      times.plain.push((await plain.run(square)).timing.computeUs);
      times.slowed.push((await slowed.run(square)).timing.computeUs);
      const startUs = nowUs();
      await Promise.all([slowed.run(square), slowed.run(square)]);
      times.inTurn.push((nowUs() - startUs) / 2);
      expect(slowed.health).toBe('ready');
    }
    for (const ratio of ratios()) {
      expect(ratio).toBeGreaterThan(5);
      expect(ratio).toBeLessThan(20);
    }
  });
});

it('refuses a factor below one and none at all', async () => {
  for (const slowDown of [0.5, Number.NaN, 1001]) {
    const loading = loadSegment({ kind: 'bytes', model }, { slowDown });
    await expect(loading).rejects.toThrow(expect.objectContaining({ code: 'CUT_USAGE' }));
  }
});

describe.skipIf(threadTimeUs() === undefined)('a slowed segment beside others that want the processor', () => {
  it('is not slowed by them, as long as what it asks for is left', { retry: 3 }, async () => {
    await using slowed = await loadSegment({ kind: 'bytes', model }, { slowDown: 10 });
    const timesUs = async () => {
      const times: number[] = [];
      for (let i = 0; i < 9; i += 1) times.push((await slowed.run(square)).timing.computeUs);
      return median(times);
    };
    const alone = await timesUs();
    const others = cpus().map(() =>
      spawn(process.execPath, ['-e', 'const end = Date.now() + 30_000; while (Date.now() < end);']),
    );
    try {
      expect((await timesUs()) / alone).toBeLessThan(1.5);
    } finally {
      for (const other of others) other.kill('SIGKILL');
    }
  });
});
