import { setTimeout as sleep } from 'node:timers/promises';
import {
  addressesOf,
  type KeepOptions,
  keepConnected,
  keepTrying,
  type Log,
  type OpenResources,
  type ServerConnection,
  serverAddressOf,
  type TriedConnection,
} from '@cutpoint/daemon';
import type { AgentSettings } from './settings.js';

export interface ServersOptions {
  /** Makes sure of each new connection that it leads to a server with the same model. */
  readonly check: (url: string) => KeepOptions['check'];
  /** The agent may start without any: it can answer alone. */
  readonly dispensable: boolean;
  readonly opened: OpenResources;
  readonly log: Log;
}

const name = 'cutpoint-agent';

/**
 * Connects to the servers of the settings. One alone must be reachable at once, so that a wrong address is noticed; of
 * several one, and none where they are dispensable. Those that are away are tried for from then on.
 * @throws CutpointError why the first could not be connected.
 */
export async function connectServers(
  settings: AgentSettings,
  { check, dispensable, opened, log }: ServersOptions,
): Promise<readonly ServerConnection[]> {
  const { server, serverCa: ca, serverTokenFile: tokenFile, connectTimeoutMs, maxBackoffMs } = settings;
  const urls = server === undefined ? [] : addressesOf(server);
  const keep = (url: string): KeepOptions => ({ name, maxBackoffMs, log, check: check(url) });
  const addresses = await Promise.all(
    urls.map((url) => serverAddressOf({ url, ca, tokenFile, connectTimeoutMs }, log)),
  );
  const [only] = addresses;
  if (only !== undefined && addresses.length === 1 && !dispensable)
    return [opened.add(await keepConnected(only, keep(only.url)))];
  const tried = addresses.map((address) => keepTrying(address, keep(address.url)));
  for (const { connection } of tried) opened.add(connection);
  await reachOne(tried, { longestMs: connectTimeoutMs, dispensable, log });
  return tried.map(({ connection }) => connection);
}

/** Waits until all are connected, or for as long as a connection may take and one is. */
async function reachOne(
  tried: readonly TriedConnection[],
  { longestMs, dispensable, log }: { longestMs: number; dispensable: boolean; log: Log },
): Promise<void> {
  const attempts = tried.map(async ({ connection: { url: server }, first }) => {
    const error = await first;
    if (error !== undefined) log.warn({ server, code: error.code }, error.message);
    return error;
  });
  const stop = new AbortController();
  await Promise.race([
    Promise.all(attempts),
    sleep(longestMs, undefined, { signal: stop.signal }).catch(() => undefined),
  ]);
  stop.abort();
  if (dispensable || tried.some(({ connection }) => connection.connected)) return;
  const errors = await Promise.all(attempts);
  const [first] = errors;
  if (first !== undefined && !errors.includes(undefined)) throw first;
}
