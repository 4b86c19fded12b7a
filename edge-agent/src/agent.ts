import { CutpointError } from '@cutpoint/core';
import {
  cutInTwo,
  type Daemon,
  healthHandler,
  type Log,
  OpenResources,
  openEndpoint,
  readCertificateFile,
  readTokenFile,
  segmentOptionsOf,
  splitOptionsOf,
  startHealth,
} from '@cutpoint/daemon';
import { loadStage, openSplit } from '@cutpoint/runtime';
import { listen } from '@cutpoint/wire';
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
export async function startAgent(settings: AgentSettings, { log }: { log: Log }): Promise<Daemon> {
  const endpoint = await openEndpoint(settings, log);
  const opened = new OpenResources();
  try {
    const model = await openSplit(settings.model, splitOptionsOf(settings));
    const { cut, front, back } = cutInTwo(model);
    const stage = opened.add(await loadStage(front, segmentOptionsOf(settings)));
    const expected = { modelHash: model.modelHash, cut, back };
    const server = needsServerFor(stage, model.outputs)
      ? opened.add(
          await keepConnected(await addressOf(settings), expected, { maxBackoffMs: settings.maxBackoffMs, log }),
        )
      : undefined;
    let listening = false;
    const onHttp = healthHandler(() => ({
      ready: listening && server?.connected !== false,
      modelHash: model.modelHash,
      server: serverState(server),
    }));
    opened.add(await startHealth(settings, onHttp, log));
    const client = createSplitClient({
      front: stage,
      outputs: model.outputs,
      server: server && (() => server.peer()),
      maxInFlight: settings.maxInFlight,
    });
    const listener = await listen({
      ...endpoint,
      handler: agentHandler(model, client, settings.timeoutMs),
      limits: { maxRequests: settings.maxRequests },
      hello: { name: 'cutpoint-agent', capabilities: [] },
      onHttp,
      onError: ({ code, message }, remote) => log.warn({ code, remote: remote?.name }, message),
    });
    opened.add({ [Symbol.asyncDispose]: () => listener.close({ graceMs: settings.graceMs }) });
    listening = true;
    log.info({ url: listener.url, model: settings.model, server: settings.server, cut: cut.name }, 'ready');
    const close = () => {
      listening = false;
      return opened.close();
    };
    return { url: listener.url, close };
  } catch (thrown) {
    await opened.close();
    throw thrown;
  }
}

async function addressOf(settings: AgentSettings): Promise<ServerAddress> {
  const { server: url, serverCa, serverTokenFile, connectTimeoutMs } = settings;
  if (url === undefined) {
    throw new CutpointError(
      'CUT_USAGE',
      'server is missing: give --server with the address that `cutpoint serve` shows.',
    );
  }
  return {
    url,
    connectTimeoutMs,
    ...(serverCa === undefined ? {} : { ca: await readCertificateFile(serverCa) }),
    ...(serverTokenFile === undefined ? {} : { token: await readTokenFile(serverTokenFile) }),
  };
}

function serverState(server: ServerConnection | undefined): string {
  if (server === undefined) return 'not needed';
  return server.connected ? 'connected' : 'away';
}
