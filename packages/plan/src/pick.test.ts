import { describe, expect, it } from 'vitest';
import type { Front } from './front.js';
import { pickPlan } from './pick.js';
import type { Objective, Plan } from './problem.js';

const planOf = (latencyMs: number, throughputHz: number, accuracyLoss = 0): Plan => ({
  devices: [0],
  cuts: [],
  codecs: [],
  latencyMs,
  throughputHz,
  edgeEnergyJ: latencyMs,
  peakMemoryBytes: 1,
  wireBytes: throughputHz,
  accuracyLoss,
});
const frontOf = (plans: Plan[], objectives: Objective[] = ['latency', 'throughput']): Front => ({
  objectives,
  points: plans.map((plan) => ({ plans: [plan], tiesOmitted: 0 })),
  tiesUncounted: false,
  exact: true,
  labels: 0,
});
const usage = expect.objectContaining({ code: 'CUT_USAGE' });

describe('a pick from the front', () => {
  const [fast, middle, steady] = [planOf(10, 1), planOf(12, 8), planOf(30, 10)];
  const front = frontOf([fast, middle, steady]);

  it('by knee is the plan farthest from the chord', () => {
    expect(pickPlan(front, 'knee')).toBe(middle);
    expect(pickPlan(frontOf([fast]), 'knee')).toBe(fast);
    // On a straight front all are as far, and the first is taken.
    expect(pickPlan(frontOf([planOf(1, 1), planOf(2, 2), planOf(3, 3)]), 'knee').latencyMs).toBe(1);
  });

  it('by knee works with three objectives, one of them the same everywhere', () => {
    expect(pickPlan(frontOf([fast, middle, steady], ['latency', 'throughput', 'accuracy']), 'knee')).toBe(middle);
    const lossy = planOf(10, 10, 0.5);
    const plans = frontOf([planOf(100, 1), planOf(20, 9, 0.05), lossy], ['latency', 'throughput', 'accuracy']);
    expect(pickPlan(plans, 'knee').latencyMs).toBe(20);
  });

  it('by one cost is the best in it', () => {
    expect(pickPlan(front, 'min-latency')).toBe(fast);
    expect(pickPlan(front, 'max-throughput')).toBe(steady);
    expect(pickPlan(front, 'min-energy')).toBe(fast);
    expect(pickPlan(front, 'min-bytes')).toBe(fast);
    expect(pickPlan(front, 'min-memory')).toBe(fast);
    expect(pickPlan(front, 'min-loss')).toBe(fast);
  });

  it('by weights follows them', () => {
    expect(pickPlan(front, { weights: { latency: 10, throughput: 0.1 } })).toBe(fast);
    expect(pickPlan(front, { weights: { latency: 0.1, throughput: 10 } })).toBe(steady);
    expect(() => pickPlan(front, { weights: {} })).toThrow(usage);
    expect(() => pickPlan(front, { weights: { latency: -1 } })).toThrow(usage);
  });

  it('lexicographically takes the second objective among what is near the best in the first', () => {
    const order = ['latency', 'throughput'] as const;
    expect(pickPlan(front, { lexicographic: order })).toBe(fast);
    expect(pickPlan(front, { lexicographic: order, tolerance: 0.25 })).toBe(middle);
    expect(pickPlan(front, { lexicographic: ['throughput', 'latency'], tolerance: 0.25 })).toBe(middle);
    expect(() => pickPlan(front, { lexicographic: [] })).toThrow(usage);
  });

  it('of nothing is an error', () => {
    expect(() => pickPlan(frontOf([]), 'knee')).toThrow(usage);
  });
});
