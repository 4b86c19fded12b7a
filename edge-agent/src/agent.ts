import { extname } from 'node:path';
import { CutpointError } from '@cutpoint/core';
import {
  checkServer,
  checkStage,
  codecsFor,
  type Daemon,
  FailoverRunner,
  type HealthReport,
  isLanguagePackage,
  type Log,
  needCuts,
  needsServerFor,
  type OpenResources,
  openCutCodecs,
  openSplitSource,
  type RecentLines,
  refuseBits,
  type ServerConnection,
  type SplitChoice,
  SplitRunner,
  type SplitSource,
  StageStore,
  segmentOptionsOf,
  stageRequestOf,
  startDaemon,
} from '@cutpoint/daemon';
import { concreteInputs, randomInputs, requireProvider } from '@cutpoint/runtime';
import type { Peer } from '@cutpoint/wire';
import { type Adaptation, AdaptiveRunner } from './adaptive-runner.js';
import { connectServers } from './connect-servers.js';
import { agentHandler } from './handler.js';
import type { AgentSettings } from './settings.js';

const name = 'cutpoint-agent';

export interface AgentContext {
  readonly log: Log;
  /** The last lines of the log, for `cutpoint logs`; an agent that has none refuses to show them. */
  readonly recent?: RecentLines;
  /** For an agent without cuts: the splits that it chooses from for requests that do not say how to split. */
  readonly adaptation?: Adaptation;
  /** The deployment that this device acts on; requests of an older one are refused, and its own carry it. */
  readonly generation?: () => number | undefined;
}

/**
 * Connects to the server, loads the segment before the first cut and answers requests with the whole model's outputs
 * until closed. Started without cuts, it leaves them to each request, or adapts them to the link. When the server
 * vanishes, requests fail with CUT_UNREACHABLE until it is back, or go another way if there are several (docs/failover.md).
 * Without a model, it joins the fleet of the settings, or the one that this device was paired with.
 * @throws CutpointError what opening and loading the model and connecting throw; CUT_BIND, CUT_INSECURE_BIND, CUT_USAGE.
 */
export async function startAgent(settings: AgentSettings, context: AgentContext): Promise<Daemon> {
  const { model, fleet, http } = settings;
  if (model !== undefined && fleet === undefined) return await startAnyModelAgent({ ...settings, model }, context);
  if (model !== undefined) {
    const message = 'Give a model or --fleet, not both: a fleet gets its models by `cutpoint deploy`.';
    throw new CutpointError('CUT_USAGE', message);
  }
  if (http !== undefined) throw onlyLanguageModels();
  // Loaded where it is needed: an agent without a fleet has no use for MQTT.
  const { startFleetAgent } = await import('./fleet/fleet-agent.js');
  return await startFleetAgent(settings, context);
}

type ModelAgentSettings = AgentSettings & { readonly model: string };

async function startAnyModelAgent(settings: ModelAgentSettings, context: AgentContext): Promise<Daemon> {
  const { model, http } = settings;
  if (isLanguagePackage(model)) {
    // Loaded where it is needed, as the fleet is.
    const { startLanguageAgent } = await import('./llm/language-agent.js');
    return await startLanguageAgent(settings, model, context);
  }
  refuseBits(settings);
  if (http === undefined) return await startModelAgent(settings, context);
  throw onlyLanguageModels();
}

function onlyLanguageModels(): CutpointError {
  return new CutpointError('CUT_USAGE', 'An agent answers over HTTP for language models only: leave --http out.');
}

function startModelAgent(settings: ModelAgentSettings, context: AgentContext): Promise<Daemon> {
  const { log, adaptation } = context;
  return startDaemon(settings, log, async (opened) => {
    await requireProvider(settings.provider);
    const source = await openSource(settings);
    const codecs = await openCutCodecs(settings, source.modelHash);
    const fixed = fixedChoice(source, settings);
    const stages = opened.add(new StageStore(settings.maxStages));
    const front = fixed && source.splitAt(fixed.at).segments[0];
    const needed = front === undefined || needsServerFor(front, source.outputs);
    const servers = needed ? await connectTo({ source, choice: fixed, settings, opened, log }) : [];
    const shared = {
      source,
      stages,
      segmentOptions: segmentOptionsOf(settings, log),
      codecs,
      maxInFlight: settings.maxInFlight,
    };
    const runnerTo = (server: ServerConnection | undefined) => new SplitRunner({ ...shared, server });
    const failover = withLadder({ settings, source, servers, runnerTo, context });
    const own: Runner = failover ?? runnerTo(servers[0]);
    const adaptive = adaptation && opened.add(new AdaptiveRunner(own, needServer(servers[0]), adaptation));
    const choice = (): SplitChoice | undefined => adaptive?.choice ?? fixed;
    const first = choice();
    if (first !== undefined) await own.prepare(first);
    await failover?.rehearse(randomInputs(concreteInputs(source.inputs, new Map(Object.entries(settings.dim))).inputs));
    const what = { model: settings.model, assumed: source.assumed };
    log.info({ ...what, ...first }, first === undefined ? 'ready for any cut' : 'loaded');
    const { modelHash, inputs, outputs } = source;
    const { timeoutMs } = settings;
    const { generation } = context;
    return {
      name,
      handler: agentHandler({ modelHash, inputs, outputs, runner: adaptive ?? own, choice, timeoutMs, generation }),
      health: () => healthOf(modelHash, stages, { servers, failover }),
    };
  });
}

type Runner = Pick<SplitRunner, 'prepare' | 'run'>;

/** A ladder needs the whole model, or other cuts of it, whatever the plan's cut is. */
async function openSource(settings: ModelAgentSettings): Promise<SplitSource> {
  const { localFallback, otherCuts, model } = settings;
  if (!localFallback && otherCuts.length === 0) return await openSplitSource(settings);
  if (extname(model) !== '.json') return await openSplitSource({ ...settings, at: [] });
  const flag = localFallback ? '--local-fallback' : '--other-cuts';
  throw new CutpointError('CUT_USAGE', `${flag} needs the whole model: give the .onnx file and --at, not ${model}.`);
}

interface LadderParts {
  readonly settings: AgentSettings;
  readonly source: SplitSource;
  readonly servers: readonly ServerConnection[];
  readonly runnerTo: (server: ServerConnection | undefined) => SplitRunner;
  readonly context: AgentContext;
}

/** Several ways to answer requests; undefined where there is only one. */
function withLadder({ settings, source, servers, runnerTo, context }: LadderParts): FailoverRunner | undefined {
  const { log, adaptation, generation } = context;
  const { codec, localFallback, maxInFlight, otherCuts, timeoutMs } = settings;
  const alone = adaptation?.alone === undefined ? undefined : adaptation.choices[adaptation.alone];
  const choice = alone ?? (localFallback ? lastCut(source) : undefined);
  const listed = otherCuts.map((cut) => ({ at: [cut], codecs: codecsFor(1, codec.slice(0, 1)) }));
  const others = [...listed, ...(adaptation?.choices ?? [])];
  if (servers.length === 0 || (servers.length === 1 && choice === undefined && listed.length === 0)) return undefined;
  const local = choice && { runner: runnerTo(undefined), choice };
  const ways = servers.map((connection) => ({ connection, runner: runnerTo(connection) }));
  return new FailoverRunner({ servers: ways, local, others, maxInFlight, timeoutMs, log, generation });
}

/** All on this device. */
function lastCut({ cuts }: SplitSource): SplitChoice {
  if (cuts === undefined)
    throw new CutpointError('CUT_INTERNAL', 'A model that is open for any cut has no list of them.');
  return { at: [cuts - 1], codecs: ['raw'] };
}

function needServer(server: ServerConnection | undefined): ServerConnection {
  if (server !== undefined) return server;
  throw new CutpointError('CUT_USAGE', 'Adapting to a link needs a server: give --server, and no --at.');
}

/** How requests are split that do not say so themselves. */
function fixedChoice({ fixed }: SplitSource, settings: AgentSettings): SplitChoice | undefined {
  const at = fixed === undefined ? settings.at : needCuts(fixed).cuts.map(({ index }) => index);
  return at.length === 0 ? undefined : { at, codecs: codecsFor(at.length, settings.codec) };
}

interface Parts {
  readonly source: SplitSource;
  readonly choice: SplitChoice | undefined;
  readonly settings: AgentSettings;
  readonly opened: OpenResources;
  readonly log: Log;
}

async function connectTo({ source, choice, settings, opened, log }: Parts): Promise<readonly ServerConnection[]> {
  if (settings.server === undefined) {
    if (choice === undefined) return [];
    throw new CutpointError(
      'CUT_USAGE',
      'The setting server is missing: give --server with the address that `cutpoint serve` shows.',
    );
  }
  const check =
    (url: string) =>
    async (peer: Peer, signal: AbortSignal): Promise<void> => {
      if (choice === undefined) await checkServer(peer, url, source.modelHash, signal);
      else
        await checkStage(peer, url, { model: source.splitAt(choice.at), request: stageRequestOf(choice, 1), signal });
    };
  return await connectServers(settings, { check, dispensable: settings.localFallback, opened, log });
}

interface HealthParts {
  readonly servers: readonly ServerConnection[];
  readonly failover: FailoverRunner | undefined;
}

function healthOf(modelHash: string, stages: StageStore, { servers, failover }: HealthParts): HealthReport {
  const { health: segment } = stages;
  const able = segment === 'ready';
  if (servers.length === 0)
    return { ready: able, segment, modelHash, providers: stages.providers, server: 'not needed' };
  const connected = servers.some((server) => server.connected);
  const report = { segment, modelHash, providers: stages.providers, server: connected ? 'connected' : 'away' };
  if (failover === undefined) return { ready: able && connected, ...report };
  const { counts: requests, links } = failover;
  return { ready: able && failover.able, ...report, links, requests };
}
