import { askLocally, loadIdentity } from '@cutpoint/control/client';
import { stateFolder } from '@cutpoint/daemon/client';

/** Where the HTTP API of a fleet's server is, and the authority (PEM) that its certificate is known by. */
export interface FoundServer {
  readonly url: string;
  readonly authority?: string;
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
  return { url: server ?? api ?? paired?.server ?? byDefault, ...(known !== undefined && { authority: known }) };
}
