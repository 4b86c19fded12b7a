import { dirname } from 'node:path';
import { askLocally, loadIdentity } from '@cutpoint/control/client';
import { stateFolder } from '@cutpoint/daemon/client';

/** Where the HTTP API of a fleet's server is, and what this machine knows it by. */
export interface FoundServer {
  readonly url: string;
  /** PEM: the authority that its certificate is known by. */
  readonly authority?: string;
  /** PEM: what to show it, where this machine is paired. */
  readonly own?: { readonly certificate: string; readonly key: string };
  /** What to say where it does not answer. */
  readonly ifAway: string;
}

const byDefault = 'http://127.0.0.1:7480';

/**
 * The server that was named; else the one that runs on the state folder of this machine, the one that this machine paired
 * with, or what listens where servers do by default. The authority is that of the state folder.
 * @throws CutpointError CUT_STORE, CUT_USAGE if the state folder is damaged or open to others.
 */
export async function findServer(
  { server, state }: { readonly server?: string | undefined; readonly state?: string | undefined },
  signal: AbortSignal,
): Promise<FoundServer> {
  const running = await askLocally(stateFolder('server', state), { action: 'where' }, signal);
  const { api, authority } = (running ?? {}) as { api?: string; authority?: string };
  const paired = authority === undefined ? loadIdentity(stateFolder('device', state)) : undefined;
  const known = authority ?? paired?.authority;
  const found = server ?? api ?? paired?.server;
  return {
    url: found ?? byDefault,
    ...(known !== undefined && { authority: known }),
    ...(paired !== undefined && { own: { certificate: paired.certificate, key: paired.key } }),
    ifAway: ifAway(found, dirname(stateFolder('server', state)), server === undefined && paired !== undefined),
  };
}

function ifAway(url: string | undefined, state: string, isPaired: boolean): string {
  if (isPaired)
    return `The server at ${url} does not answer, with which this machine is paired (${state}): start it there, or name another with --server or --state.`;
  if (url !== undefined)
    return `The server at ${url} does not answer: start it with \`cutpoint serve --fleet FOLDER\`, or name another with --server.`;
  return `No server runs on ${state}, this machine is not paired there, and nothing answers at ${byDefault}: start one with \`cutpoint serve --fleet ${state}\`, or name it with --state or --server.`;
}
