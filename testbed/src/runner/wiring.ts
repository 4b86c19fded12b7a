import { CutpointError } from '@cutpoint/core';
import type { EmulatedLink, Network } from '../links/emulated-link.js';
import {
  type DirectionParameters,
  type LinkParameters,
  linkParametersOf,
  type Trace,
} from '../links/link-parameters.js';
import { openProxyLink } from '../links/proxy-link.js';
import type { LoadedScenario } from '../scenarios/load-scenario.js';

/** How one device of a scenario reaches a later one, neighbour or not. */
export interface Wiring {
  /** False if there is no way, or none that can be emulated here. */
  reaches(from: number, to: number): boolean;
  /** What the daemon at the far end listens on, and what its process is started through. */
  listen(from: number, to: number): string;
  command(device: number): readonly string[];
  /** Daemons listen where only this machine's namespaces reach them, beyond loopback. */
  readonly beyondLoopback: boolean;
  open(from: number, to: number, target: string): Promise<EmulatedLink>;
}

interface Way {
  readonly parameters: LinkParameters;
  readonly trace: Trace | undefined;
  /** Position in the scenario's list, where it is one link. */
  readonly index: number | undefined;
}

/**
 * The ways of a scenario: its own links, and between devices that are not joined directly the links in between, seen as
 * one: delays add, the slowest rate counts, and a segment is lost if it is lost on any part. Those only the proxy emulates.
 */
export function wiringOf(loaded: LoadedScenario, network: Network): Wiring {
  const way = (from: number, to: number): Way | undefined =>
    directWay(loaded, from, to) ?? composedWay(loaded, from, to);
  return {
    reaches(from, to) {
      const found = way(from, to);
      return found !== undefined && (found.index !== undefined || network.emulation === 'user-space-proxy');
    },
    listen: (from, to) => {
      const index = way(from, to)?.index;
      return index === undefined ? 'tcp://127.0.0.1:0' : network.listen(index);
    },
    command: (device) => network.command(device),
    beyondLoopback: network.emulation === 'netns-netem',
    async open(from, to, target) {
      const found = way(from, to);
      if (found === undefined) {
        const [a, b] = [from, to].map((device) => loaded.scenario.devices[device]?.id);
        throw new CutpointError('CUT_SCENARIO', `${loaded.path} has no link from ${a} to ${b}, nor links in between.`);
      }
      if (found.index !== undefined) return await network.open(found.index, target);
      return await openProxyLink({ target, parameters: found.parameters, trace: found.trace });
    },
  };
}

function directWay({ scenario, traces }: LoadedScenario, from: number, to: number): Way | undefined {
  const index = scenario.links.findIndex(
    (link) => link.from === scenario.devices[from]?.id && link.to === scenario.devices[to]?.id,
  );
  const link = scenario.links[index];
  return link && { parameters: linkParametersOf(link), trace: traces[index], index };
}

function composedWay(loaded: LoadedScenario, from: number, to: number): Way | undefined {
  let whole = directWay(loaded, from, from + 1);
  for (let device = from + 1; device < to && whole !== undefined; device++) {
    const part = directWay(loaded, device, device + 1);
    whole = part && joined(whole, part);
  }
  return whole;
}

function joined(a: Way, b: Way): Way {
  const up = inSeries(a.parameters.up, b.parameters.up);
  const down = inSeries(a.parameters.down, b.parameters.down);
  return {
    parameters: { up, down, retransmitMs: a.parameters.retransmitMs },
    trace: a.trace ?? b.trace,
    index: undefined,
  };
}

function inSeries(a: DirectionParameters, b: DirectionParameters): DirectionParameters {
  return {
    rateMbit: Math.min(a.rateMbit, b.rateMbit),
    delayMs: a.delayMs + b.delayMs,
    jitterMs: a.jitterMs + b.jitterMs,
    lossPct: 100 * (1 - (1 - a.lossPct / 100) * (1 - b.lossPct / 100)),
  };
}
