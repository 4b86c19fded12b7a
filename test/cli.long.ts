import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serialiseModel } from '@cutpoint/graph';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { controlFlowModel } from './models/control-flow.js';
import { writeExternalModel } from './models/external.js';
import { classifier } from './models.testing.js';
import { cutpoint } from './processes.testing.js';

vi.setConfig({ testTimeout: 120_000 });

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-cli-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function json(...args: string[]) {
  await using process = cutpoint([...args, '--json'], { CUTPOINT_CACHE_DIR: join(folder, 'cache') });
  const status = await process.exit(100_000);
  return { status, value: JSON.parse(process.stdout) };
}

describe('cutpoint verify', () => {
  it('passes at every cut of models with control flow and with external data', async () => {
    const controlFlow = join(folder, 'control-flow.onnx');
    await writeFile(controlFlow, serialiseModel(controlFlowModel()));
    const external = await writeExternalModel(folder, { layers: 2, width: 16 });
    for (const model of [controlFlow, external]) {
      const { status, value } = await json('verify', model);
      expect(value).toMatchObject({ model, verified: value.cuts, maxAbsDiff: 0, failures: [] });
      expect(value.maxRelDiffOptimised).toBeLessThan(1e-4);
      expect(status).toBe(0);
    }
  });
});

describe('cutpoint bench overhead', () => {
  it('measures whole, halves, split and rates with agent and server apart', async () => {
    const { status, value } = await json(
      'bench',
      'overhead',
      classifier,
      '--at',
      '110',
      '--runs',
      '3',
      '--dim',
      'x.2=48',
    );
    expect(status).toBe(0);
    expect(Object.keys(value)).toEqual(
      expect.arrayContaining(['wholeMs', 'frontMs', 'backMs', 'splitMs', 'ratio', 'throughputHz', 'boundHz']),
    );
    expect(value.ratio).toBeCloseTo(value.splitMs / (value.frontMs + value.backMs), 6);
    expect(value.splitMs).toBeGreaterThan(value.computeMs / 2);
    expect(value.throughputHz).toBeGreaterThan(0);
    expect(value.throughputRatio).toBeCloseTo(value.throughputHz / value.boundHz, 6);
  });
});
