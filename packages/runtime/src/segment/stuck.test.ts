import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { type NamedTensors, tensorOf } from '@cutpoint/core';
import { expect, it } from 'vitest';
import { loadSegment } from './load-segment.js';
import { identityModel, slowModel } from './onnx-bytes.testing.js';
import type { Segment } from './segment.js';

const square = (n: number): NamedTensors => new Map([['x', tensorOf('f32', [n, n], new Float32Array(n * n))]]);
const code = (expected: string) => expect.objectContaining({ code: expected });

async function untilHealth(segment: Segment, health: Segment['health']): Promise<void> {
  for (let tries = 0; tries < 1_000 && segment.health !== health; tries++) await sleep(20);
  expect(segment.health).toBe(health);
}

it('refuses calls while a cancelled inference holds the thread, and serves again after it', async () => {
  const model = slowModel(100);
  await using segment = await loadSegment({ kind: 'bytes', model }, { stuckMs: 50 });
  expect(segment.health).toBe('ready');
  const signal = AbortSignal.timeout(50);
  const [held, behind, waiting] = [
    segment.run(square(1024), { signal }),
    segment.run(square(8)),
    segment.run(square(8)),
  ];
  const refused = [behind, waiting].map((call) => expect(call).rejects.toThrow(code('CUT_OVERLOADED')));
  await expect(held).rejects.toThrow();
  await untilHealth(segment, 'stuck');
  await Promise.all(refused);
  await expect(segment.run(square(8))).rejects.toThrow('isolation');
  await untilHealth(segment, 'ready');
  expect((await segment.run(square(8))).outputs.get('y')?.shape).toEqual([8, 8]);
});

it('replaces a process that a cancelled inference holds; only what it held fails', async () => {
  const model = slowModel(300);
  await using segment = await loadSegment({ kind: 'bytes', model }, { stuckMs: 100, isolation: 'process' });
  // Late enough that the process has got its input and computes; a call that had not begun would just be dropped.
  const signal = AbortSignal.timeout(2_000);
  const [held, behind, waiting] = [
    segment.run(square(1536), { signal }),
    segment.run(square(8)),
    segment.run(square(8)),
  ];
  const lost = expect(behind).rejects.toThrow(code('CUT_WORKER_DIED'));
  await expect(held).rejects.toThrow();
  await lost;
  expect(segment.health).toBe('restarting');
  expect((await waiting).outputs.get('y')?.shape).toEqual([8, 8]);
  expect(segment.health).toBe('ready');
});

it('is broken once disposed of', async () => {
  const segment = await loadSegment({ kind: 'bytes', model: identityModel('f32') });
  await segment.dispose();
  expect(segment.health).toBe('broken');
});

it('lets a process end though its thread is inside a very long inference', async () => {
  const script = `
    import { loadSegment } from '${new URL('../../dist/index.js', import.meta.url).href}';
    const model = Uint8Array.from(${JSON.stringify([...slowModel(300)])});
    const segment = await loadSegment({ kind: 'bytes', model });
    const data = new Uint8Array(4 * 2048 * 2048);
    segment.run(new Map([['x', { dtype: 'f32', shape: [2048, 2048], data }]]), { transfer: true });
    setTimeout(() => { console.log('leaving'); process.exit(1); }, 500);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exit = once(child, 'exit');
  await once(createInterface(child.stdout), 'line');
  const leftAt = performance.now();
  expect(await exit).toEqual([null, 'SIGKILL']);
  expect(performance.now() - leftAt).toBeLessThan(8_000);
});
