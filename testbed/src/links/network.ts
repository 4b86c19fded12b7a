import { randomBytes } from 'node:crypto';
import { CutpointError } from '@cutpoint/core';
import type { StatedScenario } from '../scenarios/stated-scenario.js';
import type { Network } from './emulated-link.js';
import { type LinkParameters, linkParametersOf, type Trace } from './link-parameters.js';
import { openNetnsNetwork } from './netns-network.js';
import { whyNoNetns } from './probe-netns.js';
import { openProxyLink } from './proxy-link.js';

/** `auto` takes the kernel where it can, else the proxy, and says so. */
export type EmulationChoice = 'auto' | 'netns' | 'proxy';

export interface NetworkOptions {
  readonly emulation?: EmulationChoice;
  /** By position of the link. */
  readonly traces?: readonly (Trace | undefined)[];
}

/**
 * Prepares the emulation of a scenario's links.
 * @throws CutpointError CUT_EMULATION if namespaces are asked for and not possible.
 */
export async function openNetwork(
  { devices, links }: Pick<StatedScenario, 'devices' | 'links'>,
  { emulation = 'auto', traces = [] }: NetworkOptions = {},
): Promise<Network> {
  const parameters = links.map(linkParametersOf);
  const obstacle = await obstacleTo(emulation, traces);
  if (obstacle !== undefined) {
    return proxyNetwork(parameters, traces, `Links are emulated by a user-space proxy: ${obstacle}.`);
  }
  const position = (id: string) => devices.findIndex((device) => device.id === id);
  const ends = links.map(({ from, to }, i) => {
    const own = parameters[i];
    if (own === undefined) throw new CutpointError('CUT_INTERNAL', `The link ${i} has no parameters.`);
    return { from: position(from), to: position(to), parameters: own };
  });
  return await openNetnsNetwork(randomBytes(2).toString('hex'), devices.length, ends);
}

/**
 * Why the kernel cannot or shall not emulate the links; undefined if it does.
 * @throws CutpointError CUT_EMULATION if namespaces are asked for and not possible.
 */
export async function obstacleTo(
  emulation: EmulationChoice,
  traces: readonly (Trace | undefined)[],
): Promise<string | undefined> {
  const obstacle = emulation === 'proxy' ? 'the proxy was asked for' : await whyNotKernel(traces);
  if (obstacle === undefined || emulation !== 'netns') return obstacle;
  const message = `Network namespaces with netem are not possible here: ${obstacle}. Take the user-space proxy (--emulation proxy).`;
  throw new CutpointError('CUT_EMULATION', message);
}

async function whyNotKernel(traces: readonly (Trace | undefined)[]): Promise<string | undefined> {
  if (traces.some((trace) => trace !== undefined)) return 'a trace is replayed by the user-space proxy alone';
  return await whyNoNetns();
}

function proxyNetwork(
  parameters: readonly LinkParameters[],
  traces: readonly (Trace | undefined)[],
  note: string,
): Network {
  return {
    emulation: 'user-space-proxy',
    notes: [note],
    command: () => [],
    listen: () => 'tcp://127.0.0.1:0',
    async open(link, target) {
      const own = parameters[link];
      if (own === undefined) throw new CutpointError('CUT_INTERNAL', `There is no link ${link}.`);
      // Another seed for each link, the same at every run.
      return await openProxyLink({ target, parameters: own, trace: traces[link], seed: 1 + 2 * link });
    },
    async [Symbol.asyncDispose]() {},
  };
}
