import { existsSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { elementCount, type NamedTensors, type Tensor, tensorOf } from '@cutpoint/core';
import { describe, expect, it } from 'vitest';
import { loadSegment } from './load-segment.js';
import { slowModel } from './onnx-bytes.testing.js';

const models = new URL('../../../../../shared/models/vision/', import.meta.url);
const mobilenet = fileURLToPath(new URL('mobilenet_v2_f32.onnx', models));

const ones = (shape: number[]): Tensor => tensorOf('f32', shape, new Float32Array(elementCount(shape)).fill(1));

// Other work on the machine can hold any process up for longer; a blocked loop fails every time.
describe.each(['thread', 'process'] as const)('while a segment in a %s', { retry: 4 }, (isolation) => {
  it('computes for a second, the event loop of the caller is not held up', async () => {
    const depth = 24;
    await using segment = await loadSegment({ kind: 'bytes', model: slowModel(depth) }, { isolation });
    const n = 1024;
    const inputs: NamedTensors = new Map([['x', tensorOf('f32', [n, n], new Float32Array(n * n))]]);
    const probe = await segment.run(inputs);
    const runs = Math.ceil(1_000_000 / probe.timing.computeUs);
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const results = [];
    for (let i = 0; i < runs; i++) results.push(await segment.run(inputs));
    delay.disable();
    const computedUs = results.reduce((sum, { timing }) => sum + timing.computeUs, 0);
    expect(computedUs).toBeGreaterThan(500_000);
    // The monitor's own timer of 1 ms is part of what it reports.
    expect(delay.percentile(99) / 1e6).toBeLessThan(20);
  });

  it.skipIf(!existsSync(mobilenet))('loads and runs a real model (../shared/models), neither is', async () => {
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    await using segment = await loadSegment({ kind: 'file', path: mobilenet }, { isolation });
    const [spec] = segment.inputs;
    if (spec === undefined) throw new Error('the model has no input');
    const shape = spec.shape.map((dim) => (typeof dim === 'number' ? dim : 1));
    const { outputs, timing } = await segment.run(new Map([[spec.name, ones(shape)]]));
    delay.disable();
    expect(delay.percentile(99) / 1e6).toBeLessThan(20);
    expect(timing.computeUs).toBeGreaterThan(1_000);
    expect([...outputs.values()].map((tensor) => elementCount(tensor.shape))).toEqual([1000]);
  });
});
