import { CutpointError } from '@cutpoint/core';
import {
  checkStage,
  codecsFor,
  type Daemon,
  type HealthReport,
  keepConnected,
  type Log,
  needCuts,
  type ServerAddress,
  type ServerConnection,
  type SplitChoice,
  segmentOptionsOf,
  serverAddressOf,
  splitOptionsOf,
  startDaemon,
} from '@cutpoint/daemon';
import { loadStage, openSplit, type SplitModel, type Stage } from '@cutpoint/runtime';
import type { Peer } from '@cutpoint/wire';
import { agentHandler } from './handler.js';
import type { AgentSettings } from './settings.js';
import { createSplitClient, needsServerFor } from './split-client.js';

const name = 'cutpoint-agent';

/**
 * Loads the segment before the first cut, connects to the server and answers requests with the whole model's outputs
 * until closed. When the server vanishes, requests fail with CUT_UNREACHABLE until it is back.
 * @throws CutpointError what `openSplit`, `loadStage` and `connectServer` throw; CUT_BIND, CUT_INSECURE_BIND, CUT_USAGE.
 */
export function startAgent(settings: AgentSettings, { log }: { log: Log }): Promise<Daemon> {
  return startDaemon(settings, log, async (opened) => {
    const model = needCuts(await openSplit(settings.model, splitOptionsOf(settings)));
    const [front] = model.segments;
    if (front === undefined) throw new CutpointError('CUT_INTERNAL', 'A split has no first segment.');
    const at = model.cuts.map(({ index }) => index);
    const choice = { at, codecs: codecsFor(at.length, settings.codec) };
    // Loading takes long on a small device: a wrong address is refused before.
    const address = needsServerFor({ plan: front }, model.outputs) ? await addressOf(settings, log) : undefined;
    const stage = opened.add(await loadStage(front, segmentOptionsOf(settings)));
    const { sends, answers } = front;
    log.info({ model: settings.model, assumed: model.assumed, ...choice, sends, answers }, 'loaded');
    const server = address && opened.add(await connectTo(address, model, choice, settings.maxBackoffMs, log));
    const client = createSplitClient({
      front: stage,
      choice,
      outputs: model.outputs,
      server: server && (() => server.peer()),
      maxInFlight: settings.maxInFlight,
    });
    return {
      name,
      handler: agentHandler(model, client, settings.timeoutMs),
      health: () => healthOf(model.modelHash, stage, server),
    };
  });
}

async function addressOf(settings: AgentSettings, log: Log): Promise<ServerAddress> {
  const { server: url, serverCa: ca, serverTokenFile: tokenFile, connectTimeoutMs } = settings;
  if (url !== undefined) return await serverAddressOf({ url, ca, tokenFile, connectTimeoutMs }, log);
  const message = 'The setting server is missing: give --server with the address that `cutpoint serve` shows.';
  throw new CutpointError('CUT_USAGE', message);
}

async function connectTo(
  address: ServerAddress,
  model: SplitModel,
  choice: SplitChoice,
  maxBackoffMs: number,
  log: Log,
): Promise<ServerConnection> {
  const request = { ...choice, segment: 1 };
  const check = (peer: Peer, signal: AbortSignal) => checkStage(peer, address.url, { model, request, signal });
  return await keepConnected(address, { name, maxBackoffMs, log, check });
}

function healthOf(modelHash: string, stage: Stage, server: ServerConnection | undefined): HealthReport {
  const { health: segment } = stage;
  const able = segment === 'ready';
  if (server === undefined) return { ready: able, segment, modelHash, server: 'not needed' };
  return { ready: able && server.connected, segment, modelHash, server: server.connected ? 'connected' : 'away' };
}
