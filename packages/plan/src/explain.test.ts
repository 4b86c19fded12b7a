import { describe, expect, it } from 'vitest';
import { changed } from './changed-problem.js';
import { costsOf } from './costs.js';
import { explain } from './explain.js';
import { explainText } from './explain-text.js';
import type { PlanDevice, PlanProblem } from './problem.js';
import { tieFactor } from './tie.js';

const device: PlanDevice = {
  id: 'pi',
  edge: true,
  segmentMs: (from, to) => 20 * (to - from),
  memoryBytes: () => 1e6,
  memoryLimitBytes: 1e9,
  power: { idleW: 2, busyW: 5, networkW: 1 },
  sharedBy: 1,
  arrivalHz: undefined,
};
const direction = { fixedMs: 2, bytesPerS: 1e6 };
const sizes = [40_000, 30_000, 5_000, 1_000];
const problem: PlanProblem = {
  cuts: 4,
  devices: [device, { ...device, id: 'server', edge: false, segmentMs: (from, to) => to - from }],
  links: [[undefined, { id: 'lan', up: direction, down: direction }]],
  codecs: [{ id: 'raw', bytes: (cut) => sizes[cut], encodeMs: () => 0, decodeMs: () => 0, accuracyLoss: () => 0 }],
  answerBytes: [1000, 1000, 1000, 1000],
};
// On the server: 40 over, 3 there, 4 of delay, 1 back = 48 ms. Alone: 60 ms.
const choice = { devices: [0, 1], cuts: [0], codecs: ['raw'] };
const plan = { ...choice, ...costsOf(problem, choice) };

describe('an explanation', () => {
  it('says at which link and device another plan ties', () => {
    const { rivals, longest, slowest, breakdown } = explain(problem, plan);
    expect(plan.latencyMs).toBe(48);
    expect(breakdown.stages[longest]).toMatchObject({ kind: 'up', latencyMs: 42 });
    expect(breakdown.stages[slowest]).toMatchObject({ kind: 'up', occupiedMs: 40 });
    const [alone] = rivals;
    const tie = (kind: string, objective: string) =>
      alone?.ties.find((candidate) => candidate.change.kind === kind && candidate.objective === objective)?.tie;
    // 41 ms of bytes at 8 Mbit/s may become 53 ms; two delays of 2 ms may become two of 8 ms.
    expect(tie('link-rate', 'latency')).toBeCloseTo((8 * 41) / 53, 9);
    expect(tie('link-delay', 'latency')).toBeCloseTo(8, 9);
    const speeds = alone?.ties.filter(({ change }) => change.kind === 'device-speed' && change.id === 'pi');
    expect(speeds?.map(({ objective, tie: at }) => [objective, at])).toEqual([
      ['latency', expect.closeTo(48 / 60, 9)],
      ['throughput', expect.closeTo(40 / 60, 6)],
    ]);
    expect(tie('link-delay', 'throughput')).toBeUndefined();
    expect(tie('link-rate', 'throughput')).toBeCloseTo((8 * 40) / 60, 6);
  });

  it('says never where nothing helps, and which limits bind', () => {
    // One that is the same but slower at the end: no link makes it win.
    const rival = { devices: [0, 1], cuts: [1], codecs: ['raw'] };
    const other = { ...rival, ...costsOf(problem, rival) };
    const far = explain({ ...problem, answerBytes: [0, 0, 0, 0] }, plan, [other], {
      maxLatencyMs: 48,
      minThroughputHz: 1,
    });
    const against = far.rivals.find(({ plan: { cuts } }) => cuts[0] === 1);
    expect(against?.ties.find(({ change }) => change.kind === 'link-delay')?.tie).toBeNull();
    expect(far.bindingLimits.map(({ limit }) => limit)).toEqual(['maxLatencyMs']);
    expect(far.singles.map((single) => ('exceeds' in single ? single.exceeds : undefined))).toEqual([
      'it exceeds maxLatencyMs 48',
      undefined,
    ]);
  });

  it('is printed in aligned lines', () => {
    expect(explainText(problem, explain(problem, plan)).split('\n').slice(0, 6)).toEqual([
      'Chosen: pi, input only | raw | server, cuts 0 to 3',
      '  stage    where   what                       ms   share  busy ms',
      '  up       lan     raw at cut 0               42  87.5 %       40  40000 bytes',
      '  segment  server  cuts 0 to 3                 3  6.25 %        3',
      '  down     lan     answers from behind cut 0   3  6.25 %        1  1000 bytes',
      '  total                                       48   100 %',
    ]);
    expect(explainText(problem, explain(problem, plan))).toContain('ties at 8 ms one way');
  });
});

describe('a tie', () => {
  it('is found where a line or a bend is zero, nearest first', () => {
    expect(tieFactor((x) => 6 - 2 * x)).toBeCloseTo(3, 12);
    expect(tieFactor((x) => Math.max(x, 0.5) - 0.75)).toBeCloseTo(0.75, 9);
    expect(tieFactor((x) => (x - 2) * (x - 0.1))).toBeCloseTo(2, 9);
    expect(tieFactor((x) => 1 + x)).toBeUndefined();
    expect(tieFactor(() => undefined)).toBeUndefined();
  });

  it('is one in the changed world', () => {
    const slower = changed(problem, { kind: 'device-speed', id: 'pi' }, 0.8);
    expect(costsOf(slower, { devices: [0], cuts: [], codecs: [] }).latencyMs).toBeCloseTo(plan.latencyMs, 9);
  });
});
