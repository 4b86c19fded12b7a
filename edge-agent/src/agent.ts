import { CutpointError } from '@cutpoint/core';
import {
  checkServer,
  checkStage,
  codecsFor,
  type Daemon,
  type HealthReport,
  keepConnected,
  type Log,
  needCuts,
  type OpenResources,
  openCutCodecs,
  openSplitSource,
  type ServerConnection,
  type SplitChoice,
  type SplitSource,
  StageStore,
  segmentOptionsOf,
  serverAddressOf,
  stageRequestOf,
  startDaemon,
} from '@cutpoint/daemon';
import type { Peer } from '@cutpoint/wire';
import { type Adaptation, AdaptiveRunner } from './adaptive-runner.js';
import { agentHandler } from './handler.js';
import { needsServerFor } from './run-split.js';
import type { AgentSettings } from './settings.js';
import { SplitRunner } from './split-runner.js';

const name = 'cutpoint-agent';

export interface AgentContext {
  readonly log: Log;
  /** For an agent without cuts: the splits that it chooses from for requests that do not say how to split. */
  readonly adaptation?: Adaptation;
}

/**
 * Connects to the server, loads the segment before the first cut and answers requests with the whole model's outputs
 * until closed. Started without cuts, it leaves them to each request, or adapts them to the link. When the server
 * vanishes, requests fail with CUT_UNREACHABLE until it is back.
 * @throws CutpointError what opening and loading the model and connecting throw; CUT_BIND, CUT_INSECURE_BIND, CUT_USAGE.
 */
export function startAgent(settings: AgentSettings, { log, adaptation }: AgentContext): Promise<Daemon> {
  return startDaemon(settings, log, async (opened) => {
    const source = await openSplitSource(settings);
    const codecs = await openCutCodecs(settings, source.modelHash);
    const fixed = fixedChoice(source, settings);
    const stages = opened.add(new StageStore(settings.maxStages));
    const [front] = source.fixed?.segments ?? [];
    const needed = front === undefined || needsServerFor(front, source.outputs);
    const server = needed ? await connectTo({ source, choice: fixed, settings, opened, log }) : undefined;
    const { maxInFlight, timeoutMs } = settings;
    const segmentOptions = segmentOptionsOf(settings);
    const own = new SplitRunner({ source, stages, segmentOptions, codecs, server, maxInFlight });
    const adaptive = adaptation && opened.add(new AdaptiveRunner(own, needServer(server), adaptation));
    const choice = (): SplitChoice | undefined => adaptive?.choice ?? fixed;
    const first = choice();
    if (first !== undefined) await own.prepare(first);
    const what = { model: settings.model, assumed: source.assumed };
    log.info({ ...what, ...first }, first === undefined ? 'ready for any cut' : 'loaded');
    const { modelHash, inputs, outputs } = source;
    return {
      name,
      handler: agentHandler({ modelHash, inputs, outputs, runner: adaptive ?? own, choice, timeoutMs }),
      health: () => healthOf(modelHash, stages, server),
    };
  });
}

function needServer(server: ServerConnection | undefined): ServerConnection {
  if (server !== undefined) return server;
  throw new CutpointError('CUT_USAGE', 'Adapting to a link needs a server: give --server, and no --at.');
}

/** How requests are split that do not say so themselves. */
function fixedChoice({ fixed }: SplitSource, { codec }: AgentSettings): SplitChoice | undefined {
  if (fixed === undefined) return undefined;
  const at = needCuts(fixed).cuts.map(({ index }) => index);
  return { at, codecs: codecsFor(at.length, codec) };
}

interface Parts {
  readonly source: SplitSource;
  readonly choice: SplitChoice | undefined;
  readonly settings: AgentSettings;
  readonly opened: OpenResources;
  readonly log: Log;
}

async function connectTo({ source, choice, settings, opened, log }: Parts): Promise<ServerConnection | undefined> {
  const { server: url, serverCa: ca, serverTokenFile: tokenFile, connectTimeoutMs, maxBackoffMs } = settings;
  if (url === undefined) {
    if (choice === undefined) return undefined;
    throw new CutpointError(
      'CUT_USAGE',
      'The setting server is missing: give --server with the address that `cutpoint serve` shows.',
    );
  }
  const address = await serverAddressOf({ url, ca, tokenFile, connectTimeoutMs }, log);
  const check = async (peer: Peer, signal: AbortSignal): Promise<void> => {
    if (choice === undefined) {
      await checkServer(peer, url, source.modelHash, signal);
      return;
    }
    await checkStage(peer, url, { model: source.splitAt(choice.at), request: stageRequestOf(choice, 1), signal });
  };
  return opened.add(await keepConnected(address, { name, maxBackoffMs, log, check }));
}

function healthOf(modelHash: string, stages: StageStore, server: ServerConnection | undefined): HealthReport {
  const { health: segment } = stages;
  const able = segment === 'ready';
  if (server === undefined) return { ready: able, segment, modelHash, server: 'not needed' };
  return { ready: able && server.connected, segment, modelHash, server: server.connected ? 'connected' : 'away' };
}
