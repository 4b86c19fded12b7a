import { CutpointError } from '@cutpoint/core';
import {
  checkStage,
  codecsFor,
  type Daemon,
  type HealthReport,
  keepConnected,
  type Log,
  needCuts,
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
    const stage = opened.add(await loadStage(front, segmentOptionsOf(settings)));
    const { sends, answers } = front;
    log.info({ model: settings.model, assumed: model.assumed, ...choice, sends, answers }, 'loaded');
    const server = needsServerFor(stage, model.outputs)
      ? opened.add(await connectTo(model, choice, settings, log))
      : undefined;
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

async function connectTo(
  model: SplitModel,
  choice: SplitChoice,
  settings: AgentSettings,
  log: Log,
): Promise<ServerConnection> {
  const { server: url, serverCa: ca, serverTokenFile: tokenFile, connectTimeoutMs, maxBackoffMs } = settings;
  if (url === undefined) {
    throw new CutpointError(
      'CUT_USAGE',
      'The setting server is missing: give --server with the address that `cutpoint serve` shows.',
    );
  }
  const address = await serverAddressOf({ url, ca, tokenFile, connectTimeoutMs }, log);
  const request = { ...choice, segment: 1 };
  const check = (peer: Peer, signal: AbortSignal) => checkStage(peer, url, { model, request, signal });
  return await keepConnected(address, { name, maxBackoffMs, log, check });
}

function healthOf(modelHash: string, stage: Stage, server: ServerConnection | undefined): HealthReport {
  const { health: segment } = stage;
  const able = segment === 'ready';
  if (server === undefined) return { ready: able, segment, modelHash, server: 'not needed' };
  return { ready: able && server.connected, segment, modelHash, server: server.connected ? 'connected' : 'away' };
}
