import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createDirection } from '../links/direction.js';
import { linkParametersOf } from '../links/link-parameters.js';
import { sampleRow } from '../report/sample-results.testing.js';
import { dilated, inScenarioTime } from './dilation.js';
import type { LoadedScenario } from './load-scenario.js';
import type { StatedLink } from './stated-scenario.js';

const trace = {
  points: [
    { seconds: 0, rateMbit: 8, delayMs: 3 },
    { seconds: 0.05, rateMbit: 2, delayMs: 9, lossPct: 20 },
  ],
  periodS: 0.1,
};

function loadedWith(link: Partial<StatedLink>, rateHz?: number): LoadedScenario {
  const full: StatedLink = { from: 'a', to: 'b', rateMbit: 10, delayMs: 5, jitterMs: 0, lossPct: 0, ...link };
  return {
    scenario: {
      name: 'pair',
      title: 'A pair',
      description: '',
      models: [],
      preprocessing: {},
      calibrations: {},
      dims: {},
      devices: [
        { id: 'a', role: 'edge', slowDown: 6, threads: 1 },
        { id: 'b', role: 'server', slowDown: 1, threads: 1 },
      ],
      links: [full],
      codecs: ['raw'],
      load: { agents: 2, ...(rateHz === undefined ? {} : { rateHz }) },
    },
    path: 'pair.yaml',
    models: [],
    traces: [link.trace === undefined ? undefined : trace],
    linkProfiles: [undefined],
    deviceProfiles: [undefined, undefined],
  };
}

/** When chunks that are sent at these moments come out. */
function arrivals({ scenario, traces }: LoadedScenario, sentMs: readonly number[], way: 'up' | 'down'): number[] {
  const [link] = scenario.links;
  if (link === undefined) throw new Error('no link');
  const parameters = linkParametersOf(link);
  let drawn = 0;
  const direction = createDirection(parameters[way], {
    random: () => [0.1, 0.9, 0.4, 0.95, 0.3][drawn++ % 5] ?? 0,
    roundTripMs: () => parameters.up.delayMs + parameters.down.delayMs,
    trace: traces[0],
    retransmitMs: parameters.retransmitMs,
  });
  return sentMs.map((ms) => direction.schedule(ms, 3000));
}

describe('dilated time', () => {
  it('lets every chunk cross a line at its moment in the scenario, also with loss, jitter and traces', () => {
    const link = fc.record({
      rateMbit: fc.double({ min: 0.1, max: 900, noNaN: true }),
      delayMs: fc.double({ min: 0, max: 300, noNaN: true }),
      jitterMs: fc.double({ min: 0, max: 20, noNaN: true }),
      lossPct: fc.double({ min: 0, max: 50, noNaN: true }),
      up: fc.constantFrom({}, { rateMbit: 3 }, { delayMs: 40, jitterMs: 4 }),
      trace: fc.constantFrom(undefined, 'trace.csv'),
    });
    const gaps = fc.array(fc.double({ min: 0, max: 40, noNaN: true }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(
        link,
        gaps,
        fc.integer({ min: 1, max: 10 }),
        fc.constantFrom('up', 'down'),
        (figures, waits, factor, way) => {
          let nowMs = 0;
          const sentMs = waits.map((wait) => (nowMs += wait));
          const { trace: named, ...stated } = figures;
          const loaded = loadedWith(named === undefined ? stated : { ...stated, trace: named });
          const plain = arrivals(loaded, sentMs, way);
          const slow = arrivals(
            dilated(loaded, factor),
            sentMs.map((ms) => ms * factor),
            way,
          );
          for (const [i, ms] of slow.entries()) expect(ms / factor).toBeCloseTo(plain[i] ?? 0, 6);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('slows every device and what agents send, and drops profiles of links, which are of the scenario’s time', () => {
    const { scenario, linkProfiles } = dilated(loadedWith({}, 12), 3);
    expect(scenario.devices.map(({ slowDown }) => slowDown)).toEqual([18, 3]);
    expect(scenario.load).toEqual({ agents: 2, rateHz: 4 });
    expect(linkProfiles).toEqual([]);
  });

  it('is taken out of all figures of a row, and leaves how far predictions were off', () => {
    const row = sampleRow({
      latencyMs: 90,
      throughputHz: 10,
      parts: { predicted: { computeMs: 60, linkMs: 30 }, measured: { computeMs: 66, linkMs: 24 } },
    });
    const own = inScenarioTime(row, 3);
    expect(own.measured).toEqual({ latencyMs: 30, p99Ms: row.measured.p99Ms / 3, throughputHz: 30 });
    expect(own.parts).toEqual({ predicted: { computeMs: 20, linkMs: 10 }, measured: { computeMs: 22, linkMs: 8 } });
    expect(own.predicted.latencyMs / own.measured.latencyMs).toBeCloseTo(1.06, 9);
    expect(own.predicted.throughputHz / own.measured.throughputHz).toBeCloseTo(0.96, 9);
    expect(own.referenceMs).toBe(row.referenceMs);
    expect(inScenarioTime(sampleRow({ latencyMs: 1, throughputHz: 1 }), 2).parts).toBeUndefined();
  });
});
