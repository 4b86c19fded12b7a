import { CutpointError } from '@cutpoint/core';
import { type Attempt, type FindOptions, type FoundServer, findServers } from './find-servers.js';

export interface ChooseOptions extends FindOptions {
  /** How a person names one of several, to follow "give", such as `its address with --fleet`. */
  readonly how: string;
}

/**
 * Finds the one server there is, as `findServers` does.
 * @throws CutpointError CUT_UNREACHABLE with what was tried if there is none; CUT_USAGE if there are several, with a list;
 * the signal's reason
 */
export async function chooseServer(options: ChooseOptions): Promise<FoundServer> {
  const { servers, tried, problem } = await findServers(options);
  const [only, ...others] = servers;
  if (only !== undefined && others.length === 0) return only;
  if (only === undefined) throw new CutpointError('CUT_UNREACHABLE', notFound(options, tried, problem));
  const list = servers.map(nameOf).join(', ');
  throw new CutpointError('CUT_USAGE', `Several servers answer: ${list}. To choose one, give ${options.how}.`);
}

/** Of this many failed attempts a sentence tells. */
const maxTold = 6;

function notFound(
  { fleet, how }: ChooseOptions,
  tried: readonly Attempt[],
  problem: CutpointError | undefined,
): string {
  const whose = fleet === undefined ? 'No server of a fleet' : `No server of the fleet ${fleet}`;
  const attempts = tried.slice(0, maxTold).map(({ address, port, result }) => `${address} port ${port}: ${result}`);
  const told = attempts.length === 0 ? 'Nothing was announced by mDNS' : `Tried ${attempts.join('; ')}, and mDNS`;
  const trouble = problem === undefined ? '' : ` (${problem.message.replace(/\.$/, '')})`;
  return `${whose} was found. ${told}${trouble}. Give ${how}; \`cutpoint doctor\` tells what is in the way.`;
}

/** What it calls itself, and where it is. */
function nameOf({ url, announcement }: FoundServer): string {
  return announcement === undefined ? url : `${announcement.device} of ${announcement.fleet} at ${url}`;
}
