import { CutpointError } from '@cutpoint/core';
import {
  checkServer,
  type Daemon,
  isLanguagePackage,
  keepConnected,
  type Log,
  needCuts,
  needModel,
  type OpenResources,
  openCutCodecs,
  openSplitSource,
  type RecentLines,
  type RequestTags,
  refuseBits,
  type ServerConnection,
  type SplitSource,
  type StageRequest,
  StageService,
  StageStore,
  segmentOptionsOf,
  serverAddressOf,
  splitOptionsOf,
  startDaemon,
} from '@cutpoint/daemon';
import { requireProvider } from '@cutpoint/runtime';
import type { Peer, RequestHandler } from '@cutpoint/wire';
import { stageHandler } from './handler.js';
import { openLocalModel } from './http/local-model.js';
import type { ServerSettings } from './settings.js';

const serverName = 'cutpoint-server';
/** Where no request waits for it, a segment may take this long to load. */
const patience = new AbortController().signal;

export interface ServerContext {
  readonly log: Log;
  /** The last lines of the log, for `cutpoint logs`; a server that has none refuses to show them. */
  readonly recent?: RecentLines;
  /** The deployment that this device acts on; requests of an older one are refused. */
  readonly generation?: () => number | undefined;
}

/**
 * Answers requests for the segments behind the first cut until closed: those of the split it was started with, loaded
 * before it is ready, or of any split, loaded when they are first asked for. `describe` tells which segment it is;
 * `infer` takes the tensors that cross the cut and answers with the model's outputs.
 * @throws CutpointError what opening and loading the model throws; CUT_UNREACHABLE and the like for the next device;
 * CUT_BIND, CUT_INSECURE_BIND, CUT_USAGE for the address. With the setting `fleet`, it leads a fleet instead.
 */
export async function startServer(settings: ServerSettings, context: ServerContext): Promise<Daemon> {
  const { model, fleet, join } = settings;
  if ([model, fleet, join].filter((given) => given !== undefined).length > 1) {
    const message = 'Give one of a model, --fleet and --join: a fleet gets its models by `cutpoint deploy`.';
    throw new CutpointError('CUT_USAGE', message);
  }
  // Loaded where it is needed: broker, store and authority take memory.
  if (fleet !== undefined) {
    const { startFleetServer } = await import('./fleet/fleet-server.js');
    return await startFleetServer(settings, fleet, context);
  }
  if (join !== undefined) {
    const { startJoinedServer } = await import('./fleet/join-server.js');
    return await startJoinedServer(settings, join, context);
  }
  const needed = needModel(model);
  if (isLanguagePackage(needed)) {
    const { startPackageServer } = await import('./llm/package-server.js');
    return await startPackageServer({ ...settings, model: needed }, context.log);
  }
  refuseBits(settings);
  return await startModelServer({ ...settings, model: needed }, context);
}

type ModelServerSettings = ServerSettings & { readonly model: string };

function startModelServer(settings: ModelServerSettings, { log, generation }: ServerContext): Promise<Daemon> {
  return startDaemon(settings, log, async (opened) => {
    await requireProvider(settings.provider);
    const source = await openSplitSource(settings);
    const codecs = await openCutCodecs(settings, source.modelHash);
    const stages = opened.add(new StageStore(settings.maxStages));
    const next = await connectNext(settings, source.modelHash, opened, log);
    const fixed = fixedRequest(source, settings);
    const segmentOptions = segmentOptionsOf(settings, log);
    const nextDevice = (tags: RequestTags) => next && { connection: next, tags };
    const service = new StageService({ source, fixed, stages, segmentOptions, codecs, next: nextDevice });
    await announce(source, service, settings.model, log);
    const health = () => {
      const segment = stages.health;
      const ready = segment === 'ready' && next?.connected !== false;
      const chain = next === undefined ? {} : { next: next.connected ? ('connected' as const) : ('away' as const) };
      return { ready, segment, modelHash: source.modelHash, providers: stages.providers, ...chain };
    };
    const handler = stageHandler(service, generation);
    if (settings.http !== undefined) await serveHttp(settings.http, settings, { source, handler, opened, log });
    return { name: serverName, handler, health };
  });
}

interface DoorParts {
  readonly source: SplitSource;
  readonly handler: RequestHandler;
  readonly opened: OpenResources;
  readonly log: Log;
}

/** The whole model for callers over HTTP, beside the segments for agents. Its health is its own: it needs no next device. */
async function serveHttp(
  address: string,
  settings: ModelServerSettings,
  { source, handler, opened, log }: DoorParts,
): Promise<void> {
  // Loaded when it is called: a server without it starts sooner and takes less memory.
  const { serveModels } = await import('./http/serve-models.js');
  const { modelPage } = await import('./page/model-page.js');
  const { at: _, ...options } = splitOptionsOf(settings);
  const model = opened.add(await openLocalModel(settings.model, options, segmentOptionsOf(settings, log)));
  const health = () => ({ ready: model.health === 'ready', segment: model.health, provider: model.provider });
  const own = await modelPage({ name: serverName, source, model: settings.model, handler, opened, log });
  const { url } = opened.add(await serveModels(address, settings, { models: model, health, log, ...own }));
  log.info({ url: `${url}/v2/models/${encodeURIComponent(model.name)}` }, 'model over http');
}

async function connectNext(
  settings: ServerSettings,
  modelHash: string,
  opened: OpenResources,
  log: Log,
): Promise<ServerConnection | undefined> {
  const { next: url, nextCa: ca, nextTokenFile: tokenFile, connectTimeoutMs, maxBackoffMs } = settings;
  if (url === undefined) return undefined;
  const address = await serverAddressOf({ url, ca, tokenFile, connectTimeoutMs }, log);
  const check = (peer: Peer, signal: AbortSignal) => checkServer(peer, url, modelHash, signal);
  return opened.add(await keepConnected(address, { name: serverName, maxBackoffMs, log, check }));
}

/** The segment of a server that was started for one split: the last, or the one it was told. */
function fixedRequest({ fixed }: SplitSource, settings: ServerSettings): StageRequest | undefined {
  if (fixed === undefined) return undefined;
  const at = needCuts(fixed).cuts.map(({ index }) => index);
  const { segment = at.length } = settings;
  if (segment <= at.length) return { at, codecs: at.map(() => 'raw'), segment };
  throw new CutpointError(
    'CUT_USAGE',
    `--segment is ${segment}, but a model cut at ${at} has no segment behind ${at.length}.`,
  );
}

/** Loads what the server was started for and says so in the log. */
async function announce(source: SplitSource, service: StageService, model: string, log: Log): Promise<void> {
  const { fixed } = service;
  if (fixed === undefined) {
    log.info({ model, modelHash: source.modelHash }, 'ready for any cut');
    return;
  }
  const { receives, answers } = await service.describe(fixed, patience);
  const names = receives.map(({ name }) => name);
  const { at, segment } = fixed;
  log.info({ model, assumed: source.fixed?.assumed, at, segment, receives: names, answers }, 'loaded');
}
