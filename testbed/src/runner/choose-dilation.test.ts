import type { PlanChoice } from '@cutpoint/plan';
import { describe, expect, it } from 'vitest';
import { checkDilation, chooseDilation } from './choose-dilation.js';
import { problemWith } from './plan-problem.testing.js';

const problem = problemWith(3, 30);
const device = (id: string, slowDown: number) => ({ id, role: 'edge' as const, slowDown, threads: 1 });
/** As in the problem, where each device of the chain takes longer than the one before. */
const devices = [device('device-0', 1), device('device-1', 2), device('device-2', 3)];
const alone: PlanChoice = { devices: [0], cuts: [], codecs: [] };
const chain: PlanChoice = { devices: [0, 1, 2], cuts: [10, 20], codecs: ['raw', 'raw'] };
const one = { devices, load: { agents: 1 } };

describe('how much slower time passes', () => {
  it('is not at all where the machine is large enough', () => {
    expect(chooseDilation(problem, [alone, chain], one, 64)).toBe(1);
    expect(chooseDilation(problem, [], one, 1)).toBe(1);
  });

  it('keeps the fullest plan to 30 % of the cores: one device at work all the time is one core', () => {
    expect(chooseDilation(problem, [alone], one, 1)).toBe(4);
    expect(chooseDilation(problem, [alone], one, 2)).toBe(2);
    expect(chooseDilation(problem, [alone], one, 4)).toBe(1);
  });

  it('counts a slowed device for the share of the time in which it computes', () => {
    const slow = { ...one, devices: [device('device-0', 4), ...devices.slice(1)] };
    expect(chooseDilation(problem, [alone], slow, 1)).toBe(1);
  });

  it('counts every agent, but what they share once', () => {
    const agents = { devices, load: { agents: 4 } };
    const sharing = {
      ...problem,
      devices: problem.devices.map((own, i) => (i === 2 ? { ...own, sharedBy: 4 } : own)),
    };
    const nearlyAllShared: PlanChoice = { devices: [0, 2], cuts: [3], codecs: ['raw'] };
    expect(chooseDilation(problem, [alone], agents, 2)).toBe(7);
    expect(chooseDilation(sharing, [nearlyAllShared], agents, 8)).toBe(1);
  });

  it('counts a line of some Mbit/s that is always in use for less than a fast one', () => {
    const halves: PlanChoice = { devices: [0, 1], cuts: [15], codecs: ['raw'] };
    const withLine = (bytesPerS: number) => {
      const line = { id: 'line', up: { fixedMs: 1, bytesPerS }, down: { fixedMs: 1, bytesPerS } };
      const oneSecond = problem.codecs.map((codec) => ({ ...codec, bytes: () => bytesPerS }));
      return { ...problem, codecs: oneSecond, links: problem.links.map((row) => row.map((link) => link && line)) };
    };
    expect(chooseDilation(withLine(0.6e6), [halves], one, 1)).toBe(1);
    expect(chooseDilation(withLine(117e6), [halves], one, 1)).toBe(2);
  });

  it('is never so much that a device would be slowed by more than daemons allow', () => {
    const veryslow = { ...one, devices: [device('device-0', 1), device('device-1', 400), device('device-2', 1)] };
    expect(chooseDilation(problem, [alone], veryslow, 1)).toBe(2);
    expect(() => checkDilation(3, veryslow.devices)).toThrow(
      expect.objectContaining({ code: 'CUT_USAGE', message: expect.stringContaining('at most 2 times') }),
    );
    checkDilation(2, veryslow.devices);
  });
});
