import { describe, expect, it } from 'vitest';
import { eightDevices } from './eight.testing.js';
import { explainClusterPlan } from './explain.js';
import { clusterFront, requireClusterFront } from './front.js';
import type { ClusterPlan, ClusterProblem } from './problem.js';

/** The first devices of the eight, which are enough for a model of four layers. */
function few(count: number, memoryBytes: number, roundTripMs: number): ClusterProblem {
  const eight = eightDevices(memoryBytes, roundTripMs);
  return {
    ...eight,
    model: { ...eight.model, layers: 4 },
    devices: eight.devices.slice(0, count),
    ways: eight.ways.slice(0, count).map((row) => row.slice(0, count)),
  };
}

function explained(problem: ClusterProblem) {
  const front = requireClusterFront(problem);
  const [plan] = front.points as [ClusterPlan, ...ClusterPlan[]];
  return { plan, front, ...explainClusterPlan(problem, front, plan) };
}

describe('the explanation of a cluster plan', () => {
  it('names the slowest to compute, and what each device gives', () => {
    const { plan, stages, without, oneMore, sentences } = explained(few(3, 10e9, 0.1));
    expect(plan.kind).toBe('tensor');
    expect(stages[0]?.binding).toBe('compute');
    for (const { msPerToken } of without) expect(msPerToken).toBeGreaterThan(plan.msPerToken);
    expect(oneMore?.msPerToken).toBeLessThan(plan.msPerToken);
    expect(sentences.join('\n')).toMatch(/Without device-1 a token takes [\d.]+ ms instead of [\d.]+\./);
  });

  it('says why devices are left out: on a slow link sending costs more than they save', () => {
    const { plan, withMore, sentences } = explained(few(3, 10e9, 1000));
    expect(plan.kind).toBe('alone');
    expect(withMore.map(({ device }) => device)).toEqual(['device-1', 'device-2']);
    for (const { plan: more } of withMore) expect(more?.msPerToken).toBeGreaterThan(plan.msPerToken);
    expect(sentences.join('\n')).toMatch(/device-1 is left out: with it, tensor parallel, a token takes/);
  });

  it('shows the conditions of a steady state where weights stream, and that the disk binds', () => {
    const slow = few(2, 1.6e9, 0.1);
    const devices = slow.devices.map((device) => ({ ...device, disk: { bytesPerS: 1e7, prepareLayerMs: 3 } }));
    const { stages, steady, sentences } = explained({ ...slow, devices });
    expect(stages[0]?.binding).toBe('disk');
    expect(steady.every(({ enough }) => !enough)).toBe(true);
    expect(sentences.join('\n')).toMatch(/device-0, while weights stream: work covers reading \(Eq 4\): fails/);
  });

  it('names each device with the bytes it needs and has where nothing can run', () => {
    const problem = few(2, 130e6, 1);
    expect(clusterFront(problem).points).toEqual([]);
    expect(() => requireClusterFront(problem)).toThrow(expect.objectContaining({ code: 'CUT_INFEASIBLE' }));
    expect(() => requireClusterFront(problem)).toThrow(
      /device-0 alone: it needs \d+ MB even with the smallest window and may take 130 MB/,
    );
  });
});

describe('devices alone', () => {
  it('are always listed: with their plan, why they cannot, or that they would see the text', () => {
    const { alone } = clusterFront(few(2, 10e9, 1));
    expect(alone.map(({ device, plan, why }) => [device, plan?.kind, why])).toEqual([
      ['device-0', 'alone', undefined],
      ['device-1', 'alone', 'it would see the text, which stays at device-0'],
    ]);
  });
});
