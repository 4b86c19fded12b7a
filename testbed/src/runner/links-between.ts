import { CutpointError } from '@cutpoint/core';
import { type DirectionParameters, linkParametersOf } from '../links/link-parameters.js';
import type { LoadedScenario } from '../scenarios/load-scenario.js';
import type { LinkBetween } from './deployment.js';

/**
 * The way from a device to a later one: the scenario's own link between them, or the links between neighbours one after
 * the other, seen as one: delays add, the slowest rate counts, and a segment is lost if it is lost on any part.
 * @throws CutpointError CUT_SCENARIO if there is no way.
 */
export function linkBetween({ scenario, traces, path }: LoadedScenario, from: number, to: number): LinkBetween {
  const ids = scenario.devices.map(({ id }) => id);
  const own = (a: number, b: number): LinkBetween | undefined => {
    const index = scenario.links.findIndex((link) => link.from === ids[a] && link.to === ids[b]);
    const link = scenario.links[index];
    return link && { parameters: linkParametersOf(link), trace: traces[index] };
  };
  const direct = own(from, to);
  if (direct !== undefined) return direct;
  const parts = Array.from({ length: to - from }, (_, i) => own(from + i, from + i + 1));
  const [first, ...rest] = parts.filter((part): part is LinkBetween => part !== undefined);
  if (first === undefined || rest.length + 1 < parts.length) {
    throw new CutpointError(
      'CUT_SCENARIO',
      `${path} has no link from ${ids[from]} to ${ids[to]}, nor between their neighbours.`,
    );
  }
  return rest.reduce((whole, part) => joined(whole, part), first);
}

function joined(a: LinkBetween, b: LinkBetween): LinkBetween {
  const up = inSeries(a.parameters.up, b.parameters.up);
  const down = inSeries(a.parameters.down, b.parameters.down);
  return { parameters: { up, down }, trace: a.trace ?? b.trace };
}

function inSeries(a: DirectionParameters, b: DirectionParameters): DirectionParameters {
  return {
    rateMbit: Math.min(a.rateMbit, b.rateMbit),
    delayMs: a.delayMs + b.delayMs,
    jitterMs: a.jitterMs + b.jitterMs,
    lossPct: 100 * (1 - (1 - a.lossPct / 100) * (1 - b.lossPct / 100)),
  };
}
