import { CutpointError } from '@cutpoint/core';
import {
  cutInTwo,
  type Daemon,
  type HealthReport,
  isLoopback,
  type Log,
  readCertificateFile,
  readTokenFile,
  segmentOptionsOf,
  splitOptionsOf,
  startDaemon,
} from '@cutpoint/daemon';
import { loadStage, openSplit, type Stage } from '@cutpoint/runtime';
import type { ServerAddress } from './connect-server.js';
import { agentHandler } from './handler.js';
import { keepConnected, type ServerConnection } from './server-connection.js';
import type { AgentSettings } from './settings.js';
import { createSplitClient, needsServerFor } from './split-client.js';

/**
 * Loads the segment before the cut, connects to the server and answers requests with the whole model's outputs until
 * closed. When the server vanishes, requests fail with CUT_UNREACHABLE until it is back.
 * @throws CutpointError what `openSplit`, `loadStage` and `connectServer` throw; CUT_BIND, CUT_INSECURE_BIND, CUT_USAGE.
 */
export function startAgent(settings: AgentSettings, { log }: { log: Log }): Promise<Daemon> {
  return startDaemon(settings, log, async (opened) => {
    const model = await openSplit(settings.model, splitOptionsOf(settings));
    const { cut, front, back } = cutInTwo(model);
    const stage = opened.add(await loadStage(front, segmentOptionsOf(settings)));
    const { sends, answers } = front;
    log.info(
      { model: settings.model, assumed: model.assumed, cut: `${cut.index} (${cut.name})`, sends, answers },
      'loaded',
    );
    const connection = async () => {
      const expected = { modelHash: model.modelHash, cut, back };
      const { maxBackoffMs } = settings;
      return opened.add(await keepConnected(await addressOf(settings, log), expected, { maxBackoffMs, log }));
    };
    const server = needsServerFor(stage, model.outputs) ? await connection() : undefined;
    const client = createSplitClient({
      front: stage,
      outputs: model.outputs,
      server: server && (() => server.peer()),
      maxInFlight: settings.maxInFlight,
    });
    return {
      name: 'cutpoint-agent',
      handler: agentHandler(model, client, settings.timeoutMs),
      health: () => healthOf(model.modelHash, stage, server),
    };
  });
}

async function addressOf(settings: AgentSettings, log: Log): Promise<ServerAddress> {
  const { server: url, serverCa, serverTokenFile, connectTimeoutMs } = settings;
  if (url === undefined) {
    throw new CutpointError(
      'CUT_USAGE',
      'The setting server is missing: give --server with the address that `cutpoint serve` shows.',
    );
  }
  if (serverTokenFile !== undefined && !isProtected(url)) {
    log.warn({ server: url }, 'insecure: the token travels to the server unencrypted; use wss:// or tcps://');
  }
  return {
    url,
    connectTimeoutMs,
    ...(serverCa === undefined ? {} : { ca: await readCertificateFile(serverCa) }),
    ...(serverTokenFile === undefined ? {} : { token: await readTokenFile(serverTokenFile) }),
  };
}

function isProtected(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url === undefined || url.protocol === 'wss:' || url.protocol === 'tcps:' || isLoopback(url.hostname);
}

function healthOf(modelHash: string, stage: Stage, server: ServerConnection | undefined): HealthReport {
  const { health: segment } = stage;
  const able = segment === 'ready';
  if (server === undefined) return { ready: able, segment, modelHash, server: 'not needed' };
  return { ready: able && server.connected, segment, modelHash, server: server.connected ? 'connected' : 'away' };
}
