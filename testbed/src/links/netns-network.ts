import { CutpointError } from '@cutpoint/core';
import type { EmulatedLink, Network } from './emulated-link.js';
import { type NetnsLink, netemChange, netnsPlan } from './netns-commands.js';
import { runCommand } from './run-command.js';

/** No port of a daemon that somebody else runs: the namespace is its own. */
const port = 7400;

/**
 * Builds a network of namespaces and removes it when disposed of.
 * @throws CutpointError CUT_EMULATION with the command that failed.
 */
export async function openNetnsNetwork(tag: string, devices: number, links: readonly NetnsLink[]): Promise<Network> {
  const plan = netnsPlan(tag, devices, links);
  const tearDown = async (): Promise<void> => {
    const results = await Promise.allSettled(plan.tearDown.map(runCommand));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  };
  try {
    for (const command of plan.setUp) await runCommand(command);
  } catch (thrown) {
    // Some namespaces may not be there yet; the command that failed is what counts.
    await Promise.allSettled(plan.tearDown.map(runCommand));
    throw thrown;
  }
  return {
    emulation: 'netns-netem',
    notes: [],
    command: (device) => plan.prefixes[device] ?? [],
    listen: (link) => `tcp://${plan.farAddresses[link]}:${port}`,
    async open(index, target) {
      const link = links[index];
      if (link === undefined) throw new CutpointError('CUT_INTERNAL', `There is no link ${index}.`);
      return netnsLink(tag, index, link, target);
    },
    [Symbol.asyncDispose]: tearDown,
  };
}

/** The link is there as long as its network; only its figures can change. */
function netnsLink(tag: string, index: number, link: NetnsLink, target: string): EmulatedLink {
  let current = link.parameters;
  return {
    url: target,
    emulation: 'netns-netem',
    get parameters() {
      return current;
    },
    async set(parameters) {
      for (const command of netemChange(tag, index, { ...link, parameters })) await runCommand(command);
      current = parameters;
    },
    stats: async () => undefined,
    async [Symbol.asyncDispose]() {},
  };
}
