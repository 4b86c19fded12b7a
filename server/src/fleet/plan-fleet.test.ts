import { contentHash, type DeviceId, deviceId } from '@cutpoint/control';
import { CutpointError } from '@cutpoint/core';
import type { LinkProfile, ModelProfile } from '@cutpoint/plan';
import { describe, expect, it } from 'vitest';
import { profileOf } from '../../../packages/plan/src/profile.testing.js';
import { ladderOfPlan, laddersOfPlan } from '../deploy/plan-ladder.js';
import { type PlanRequest, planRequest } from '../http/plan-request.js';
import type { Measurements } from './measure-fleet.js';
import { type Candidates, type PlannedDevice, planFleet, usableOf } from './plan-fleet.js';

const [pi, box, server] = ['pi', 'box', 'server'].map((name) => deviceId.parse(name)) as [DeviceId, DeviceId, DeviceId];
const planned = (device: DeviceId, role: PlannedDevice['role']): PlannedDevice => ({
  device,
  role,
  freeMemoryBytes: undefined,
});
const chain: Candidates = [planned(pi, 'agent'), planned(box, 'server'), planned(server, 'server')];
const request = (changes: Partial<PlanRequest> = {}): PlanRequest => ({
  ...planRequest.parse({ model: { name: 'net', hash: contentHash.parse('a'.repeat(64)) } }),
  ...changes,
});

function times(factor: number): ModelProfile {
  const { frontMs, backMs, wholeMs, measured } = profileOf();
  const scaled = (all: readonly number[]) => all.map((ms) => ms * factor);
  return profileOf({
    frontMs: scaled(frontMs),
    backMs: scaled(backMs),
    wholeMs: wholeMs * factor,
    measured: measured.map((one) => ({ ...one, medianMs: one.medianMs * factor })),
  });
}

function link(fixedMs: number, bytesPerS = 1e9): LinkProfile {
  return {
    format: 'cutpoint-link-profile',
    version: 1,
    url: 'ws://there',
    measuredAt: '2025-01-01T00:00:00Z',
    rttMs: { median: 2 * fixedMs, p90: 2 * fixedMs, min: 2 * fixedMs },
    jitterMs: 0,
    up: { fixedMs, bytesPerS },
    down: { fixedMs, bytesPerS },
    samples: [],
    fitErrorPct: 0,
  };
}

const ways = [
  { from: pi, to: box },
  { from: pi, to: server },
  { from: box, to: server },
];

/** Times of each device as a multiple of those of the profile, and how long a message takes on every link. */
function measuredWith(factors: Readonly<Record<string, number>>, fixedMs: number): Measurements {
  const profiles = new Map(
    Object.entries(factors).map(([device, factor]) => [device as DeviceId, { profile: times(factor), notes: [] }]),
  );
  const links = ways.map((way) => ({ ...way, via: 'ws://there', profile: link(fixedMs) }));
  return { profiles, links, failures: new Map(), notes: [] };
}

const pickOf = (measured: Measurements, changes?: Partial<PlanRequest>) => {
  const [plan] = planFleet({ request: request(changes), chains: [usableOf(chain, measured)], measured }).plans;
  if (plan === undefined) throw new Error('There is a plan for each chain.');
  return plan;
};

describe('a plan for the devices of a fleet', () => {
  it('leaves the work where it is where links are slow, and gives it to a fast device where they are not', () => {
    const far = pickOf(measuredWith({ pi: 1, box: 0.5, server: 0.1 }, 500));
    expect(far.pick).toMatchObject({ devices: ['pi'], cuts: [], latencyMs: 10 });
    const near = pickOf(measuredWith({ pi: 20, box: 4, server: 0.1 }, 0.1));
    expect(near.pick).toMatchObject({ devices: ['pi', 'server'], cuts: [0] });
    expect(near.pick.latencyMs).toBeLessThan(3);
    expect(near.explanation).toMatch(/^Chosen: /);
  });

  it('does not cut for less than the times of the devices vary, and says so', () => {
    // The input is large, so only the cut in the middle saves a little.
    const cuts = profileOf().cuts.map((cut) => (cut.index === 0 ? { ...cut, bytes: 4e7, f32Bytes: 0 } : cut));
    const planned = (percentiles: { p10Ms: number; p90Ms: number }) => {
      const measured = measuredWith({ pi: 1, box: 0.5, server: 5 }, 0.001);
      const profiles = new Map(
        [...measured.profiles].map(([device, { profile }]) => {
          const times = profile.measured.map((one) => ({ ...one, ...percentiles }));
          return [device, { profile: { ...profile, cuts, measured: times }, notes: [] }];
        }),
      );
      const all = { ...measured, profiles };
      return planFleet({ request: request(), chains: [usableOf(chain, all)], measured: all });
    };
    const [steady, unsteady] = [planned({ p10Ms: 10, p90Ms: 10 }), planned({ p10Ms: 5, p90Ms: 15 })];
    expect(steady.plans[0]?.pick).toMatchObject({ devices: ['pi', 'box'], cuts: [1] });
    expect(unsteady.plans[0]?.pick).toMatchObject({ devices: ['pi'], cuts: [] });
    expect(steady.notes).toEqual([]);
    expect(unsteady.notes).toEqual([expect.stringMatching(/cutting at 1 .* is 30 % quicker .* vary by 50 % there/)]);
  });

  it('has every device alone beside it, is exact, and is what ladders are made of', () => {
    const measured = measuredWith({ pi: 20, box: 4, server: 0.1 }, 0.1);
    const plan = pickOf(measured);
    expect(plan.exact).toBe(true);
    expect(plan.baselines.map(({ device, latencyMs }) => [device, Math.round(latencyMs ?? -1)])).toEqual([
      ['pi', 200],
      ['box', 40],
      ['server', 1],
    ]);
    const { device, ladder } = ladderOfPlan(JSON.parse(JSON.stringify(plan)));
    expect(device).toBe('pi');
    expect(ladder[0]).toMatchObject({ at: [0], chain: ['server'] });
    expect(ladder.at(-1)).toEqual({ at: [], codecs: [], chain: [] });
    expect(laddersOfPlan({ plans: [plan, { ...plan, from: box }] })).toHaveLength(2);
  });

  it('keeps limits, and says which cannot be kept', () => {
    const measured = measuredWith({ pi: 20, box: 4, server: 0.1 }, 0.1);
    expect(pickOf(measured, { limits: { maxWireBytes: 0 } }).pick.devices).toEqual(['pi']);
    expect(() => pickOf(measured, { limits: { maxWireBytes: 0, maxLatencyMs: 1 } })).toThrow(
      expect.objectContaining({ code: 'CUT_INFEASIBLE', message: expect.stringContaining('latency at most 1 ms') }),
    );
  });

  it('uses only devices that were measured, and ways that were', () => {
    const measured = measuredWith({ pi: 1, box: 1, server: 1 }, 1);
    const names = (changes: Partial<Measurements>) =>
      usableOf(chain, { ...measured, ...changes }).map(({ device }) => device);
    expect(names({})).toEqual(['pi', 'box', 'server']);
    const without = (from: DeviceId, to: DeviceId) => ({
      links: measured.links.filter((one) => one.from !== from || one.to !== to),
    });
    expect(names(without(pi, box))).toEqual(['pi', 'server']);
    expect(names(without(box, server))).toEqual(['pi', 'server']);
    expect(names(without(pi, server))).toEqual(['pi', 'box']);
    const failures = new Map([[box, new CutpointError('CUT_MEMORY', 'It does not fit.')]]);
    const profiles = new Map([...measured.profiles].filter(([device]) => device !== box));
    expect(names({ failures, profiles })).toEqual(['pi', 'server']);
    const { notes } = planFleet({
      request: request(),
      chains: [usableOf(chain, { ...measured, failures, profiles })],
      measured: { ...measured, failures, profiles },
    });
    expect(notes).toEqual(['box takes no part: It does not fit.']);
  });

  it('says once what several devices say alike', () => {
    const measured = measuredWith({ pi: 1, box: 1, server: 1 }, 1);
    const said = new Map([...measured.profiles].map(([device, own]) => [device, { ...own, notes: ['It was busy.'] }]));
    said.set(box, { profile: times(1), notes: ['It was busy.', 'It is small.'] });
    const { notes } = planFleet({
      request: request(),
      chains: [usableOf(chain, measured)],
      measured: { ...measured, profiles: said },
    });
    expect(notes).toEqual(['pi, box, server: It was busy.', 'box: It is small.']);
  });

  it('tells why a device where requests begin cannot be planned for', () => {
    const measured = measuredWith({ box: 1, server: 1 }, 1);
    const failures = new Map([[pi, new CutpointError('CUT_MEMORY', 'It does not fit.')]]);
    expect(() => pickOf({ ...measured, failures })).toThrow(
      expect.objectContaining({ code: 'CUT_MEMORY', message: 'pi cannot be planned for: It does not fit.' }),
    );
  });

  it('refuses profiles of different models', () => {
    const measured = measuredWith({ pi: 1, box: 1, server: 1 }, 1);
    const other = profileOf({ model: { name: 'other', hash: 'b'.repeat(64), dims: { batch: 1 } } });
    const profiles = new Map(measured.profiles).set(server, { profile: other, notes: [] });
    expect(() => pickOf({ ...measured, profiles })).toThrow(expect.objectContaining({ code: 'CUT_PROFILE_MISMATCH' }));
  });
});
