import { describe, expect, it } from 'vitest';
import { paretoFront } from './front.js';
import { parseLinkProfile, parseModelProfile, parseScenario } from './parse.js';
import { problemOf } from './problem-of.js';
import { profileOf } from './profile.testing.js';
import { rangeMaximum } from './profiled-device.js';

const scenario = parseScenario({
  name: 'lan',
  title: 'Two Pis and a server',
  devices: [
    { id: 'pi', slowDown: 4, memoryMB: 100 },
    { id: 'pi2', slowDown: 2, power: { idleW: 3 } },
    { id: 'server', role: 'server' },
  ],
  links: [
    { from: 'pi', to: 'pi2', rateMbit: 80, delayMs: 2, jitterMs: 1 },
    { from: 'server', to: 'pi2', rateMbit: 8, delayMs: 5, up: { rateMbit: 16 } },
  ],
  load: { agents: 3, rateHz: 10 },
});
const shared = profileOf();
const problem = problemOf({ scenario, profiles: { shared } });

describe('the problem of a scenario', () => {
  it('takes measured times before fitted ones, and scales them', () => {
    const [pi, , server] = problem.devices;
    expect(pi?.segmentMs(0, 3)).toBe(40);
    expect(pi?.segmentMs(1, 2)).toBe(18);
    expect(pi?.segmentMs(0, 2)).toBe(28);
    expect(server?.segmentMs(1, 3)).toBe(8);
    // Not measured: 5 - 2 to compute, 1 to take in, 2 to call and bring out.
    const fitted = problemOf({
      scenario,
      profiles: { shared: profileOf({ measured: shared.measured.slice(0, 1) }) },
    });
    expect(fitted.devices[2]?.segmentMs(1, 2)).toBe(6);
    const none = { workMs: [0, 0, 0, 0], enterMs: [0, 0, 0, 0], leaveMs: [0, 0, 0, 0] };
    const idle = problemOf({
      scenario,
      profiles: { shared: profileOf({ measured: shared.measured.slice(0, 1), between: none }) },
    });
    expect(idle.devices[2]?.segmentMs(1, 2)).toBe(0.001);
  });

  it('knows memory, power, roles and who shares', () => {
    const [pi, pi2, server] = problem.devices;
    expect(pi?.memoryBytes(0, 3)).toBe(51_000);
    expect(pi?.memoryBytes(1, 3)).toBe(10_000 + 2 * 6000 + 3 * 9000);
    expect([pi?.memoryLimitBytes, pi2?.memoryLimitBytes]).toEqual([1e8, 8e9]);
    expect([pi?.edge, server?.edge]).toEqual([true, false]);
    expect(pi2?.power).toEqual({ idleW: 3, busyW: 6, networkW: 1 });
    expect(problem.devices.map(({ sharedBy, arrivalHz }) => [sharedBy, arrivalHz])).toEqual([
      [1, 10],
      [1, 10],
      [3, 10],
    ]);
  });

  it('turns links around and puts them together', () => {
    expect(problem.links[0]?.[1]).toEqual({
      id: 'pi-pi2',
      up: { fixedMs: 2, bytesPerS: 1e7 },
      down: { fixedMs: 2, bytesPerS: 1e7 },
    });
    expect(problem.links[1]?.[2]).toMatchObject({ up: { bytesPerS: 1e6 }, down: { bytesPerS: 2e6 } });
    expect(problem.links[0]?.[2]).toEqual({
      id: 'pi-pi2+server-pi2',
      up: { fixedMs: 7, bytesPerS: 1e6 },
      down: { fixedMs: 7, bytesPerS: 2e6 },
    });
  });

  it('lets loss lower the rate and a probe replace what is stated', () => {
    const lossy = {
      ...scenario,
      links: scenario.links.map((link) => ({ ...link, rateMbit: 1000, delayMs: 50, lossPct: 1 })),
    };
    const { up } = problemOf({ scenario: lossy, profiles: { shared } }).links[0]?.[1] ?? { up: undefined };
    expect(up?.bytesPerS).toBeCloseTo((1460 / 0.1) * Math.sqrt(1.5 / 0.01), 6);
    const profile = parseLinkProfile({
      format: 'cutpoint-link-profile',
      version: 1,
      url: 'ws://pi2',
      measuredAt: '2025-01-01T00:00:00Z',
      rttMs: { median: 3, p90: 4, min: 2 },
      jitterMs: 0,
      up: { fixedMs: 1.5, bytesPerS: 5e6 },
      down: { fixedMs: 1.5, bytesPerS: 6e6 },
      samples: [],
      fitErrorPct: 1,
    });
    const probed = problemOf({ scenario, profiles: { shared }, links: [{ from: 'pi2', to: 'pi', profile }] });
    expect(probed.links[0]?.[1]).toMatchObject({ up: { bytesPerS: 6e6 }, down: { bytesPerS: 5e6 } });
  });

  it('halves what is f32 with f16, and sends the smallest exact input', () => {
    const [raw, f16] = problemOf({ scenario, profiles: { shared }, inputBytes: 700 }).codecs;
    expect([0, 1, 2].map((cut) => raw?.bytes(cut))).toEqual([700, 9000, 1000]);
    expect([0, 1, 2].map((cut) => f16?.bytes(cut))).toEqual([undefined, 5000, undefined]);
    expect([raw?.accuracyLoss(1), f16?.accuracyLoss(1)]).toEqual([0, 0.001]);
    expect(f16?.encodeMs(1, 0)).toBeCloseTo(1.5 * 0.008 * 4, 12);
    const own = problemOf({ scenario, profiles: { shared }, codecs: { f16: { accuracyLoss: 0.02 } } });
    expect(own.codecs[1]?.accuracyLoss(1)).toBe(0.02);
    expect(paretoFront(problem).points.length).toBeGreaterThan(0);
  });

  it('says what does not belong together', () => {
    const failing = (code: string, message: RegExp) =>
      expect.objectContaining({ code, message: expect.stringMatching(message) });
    const of = (changed: object, profiles: object = { shared }) =>
      problemOf({ scenario: { ...scenario, ...changed }, profiles });
    const stray = [{ from: 'pi', to: 'moon', rateMbit: 1, delayMs: 1, jitterMs: 0, lossPct: 0 }];
    expect(() => of({ links: stray })).toThrow(failing('CUT_SCENARIO', /names "moon"; devices are pi, pi2, server/));
    expect(() => of({ codecs: ['zip'] })).toThrow(failing('CUT_SCENARIO', /no codec "zip"; codecs are raw, f16/));
    expect(() => of({ links: [...scenario.links, ...scenario.links] })).toThrow(failing('CUT_SCENARIO', /two links/));
    expect(() => of({}, { shared, byDevice: { moon: shared } })).toThrow(failing('CUT_SCENARIO', /profile for "moon"/));
    const mismatch = (message: RegExp) => failing('CUT_PROFILE_MISMATCH', message);
    expect(() => of({}, { byDevice: { pi: shared } })).toThrow(mismatch(/no profile of the model for "pi2"/));
    const other = (changes: object) => () => of({}, { shared, byDevice: { pi2: profileOf(changes) } });
    expect(other({ model: { ...shared.model, hash: 'b'.repeat(64) } })).toThrow(mismatch(/"pi2" is of another model/));
    expect(other({ model: { ...shared.model, dims: { batch: 2 } } })).toThrow(
      mismatch(/measured with the sizes \{"batch":2\}/),
    );
    expect(other({ cuts: shared.cuts.slice(0, 3) })).toThrow(mismatch(/other cuts/));
    const expected = { runtimeVersion: '9' };
    expect(() => problemOf({ scenario, profiles: { shared }, expected })).toThrow(mismatch(/1\.2\.3 and 9 runs here/));
  });
});

describe('what is read from files', () => {
  it('is refused with the place of the first mistake', () => {
    const refused = (code: string, message: RegExp) =>
      expect.objectContaining({ code, message: expect.stringMatching(message) });
    const broken = { name: 'x', title: 'x', devices: [{ id: 'a', slowDown: 0.1 }] };
    expect(() => parseScenario(broken)).toThrow(
      refused('CUT_SCENARIO', /^The scenario is wrong: devices\[0\]\.slowDown is .+, but must be .+\.$/),
    );
    expect(() => parseScenario(3)).toThrow(
      refused('CUT_SCENARIO', /^The scenario is wrong: it is 3, but must be a group of keys/),
    );
    expect(() => parseModelProfile({ ...shared, frontMs: [1] })).toThrow(refused('CUT_PROFILE', /1 times for 4 cuts/));
    expect(() => parseModelProfile({ ...shared, version: 1 })).toThrow(
      refused('CUT_PROFILE', /version 1, where this Cutpoint knows version 2: measure again/),
    );
    const between = { ...shared.between, leaveMs: [1, 2, 3] };
    expect(() => parseModelProfile({ ...shared, between })).toThrow(refused('CUT_PROFILE', /leaveMs has 3 times/));
    expect(() => parseModelProfile({ ...shared, cuts: [...shared.cuts].reverse() })).toThrow(
      refused('CUT_PROFILE', /place 0/),
    );
    expect(() => parseLinkProfile({})).toThrow(refused('CUT_PROFILE', /and \d+ more/));
    expect(parseModelProfile(JSON.parse(JSON.stringify(shared)))).toEqual(shared);
  });
});

describe('the largest of a range', () => {
  it('is that of the range', () => {
    const values = [3, 1, 4, 1, 5, 9, 2, 6];
    const largest = rangeMaximum(values);
    for (let from = 0; from < values.length; from++) {
      for (let to = from; to < values.length; to++)
        expect(largest(from, to)).toBe(Math.max(...values.slice(from, to + 1)));
    }
  });
});
