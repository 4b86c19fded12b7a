import { CutpointError } from '@cutpoint/core';
import { codecTablesFrom, type Daemon, type Log, startDaemon } from '@cutpoint/daemon';
import {
  codesOfSetting,
  DecoderHost,
  freeMemoryBytes,
  modelProviderOf,
  requireNoThreads,
  tellChoice,
  widthOfLayers,
} from '@cutpoint/llm';
import type { ServerSettings } from '../settings.js';
import { serveWholeModel } from './serve-whole-model.js';

const serverName = 'cutpoint-server';
/** For so long the texts of an agent are kept that has lost its connection. */
const agentGraceMs = 60_000;
/** Of the memory that is free at the start, caches may take this share; weights take theirs. */
const cacheShare = 0.5;

/**
 * Runs the layers of a language model behind a cut for agents, until closed: those behind `--at`, opened before it is ready,
 * or those behind any cut, opened when one is first asked for. With `http`, the whole model answers callers over HTTP, too.
 * @throws CutpointError what `DecoderHost.open`, `serveWholeModel` and `startDaemon` throw; CUT_USAGE for several cuts.
 */
export function startPackageServer(settings: ServerSettings & { readonly model: string }, log: Log): Promise<Daemon> {
  return startDaemon(settings, log, async (opened) => {
    const { model, http, threads, cache, maxStages, maxSequences, sequenceIdleMs, codecTables, sentTablesMb } =
      settings;
    const { maxCacheBytes = Math.round((await freeMemoryBytes()) * cacheShare) } = settings;
    const at = onlyCut(settings);
    const provider = modelProviderOf(settings.provider);
    requireNoThreads({ provider, threads });
    if (provider === 'wgpu') requireFloats(cache);
    const codes = await codesOfSetting(model, settings);
    const chosen = new Map<string, string>();
    const host = opened.add(
      await DecoderHost.open(model, {
        at,
        threads,
        cache,
        provider,
        codes,
        onChoice: (range, choice) => {
          tellChoice(choice, log);
          chosen.set(`${range.from} to ${range.to}`, choice.provider);
        },
        gpuCacheBytes: maxCacheBytes,
        maxRanges: maxStages,
        maxSequences,
        maxSequencesPerClient: maxSequences,
        maxCacheBytes,
        idleMs: sequenceIdleMs,
        graceMs: agentGraceMs,
        tables: codecTablesFrom(codecTables),
        maxSentTableBytes: sentTablesMb * 1e6,
      }),
    );
    const { name, config, layers } = host.manifest;
    const width = widthOfLayers(layers.slice(at));
    log.info(
      { model, package: name, layers: config.layers, at, width, bits: settings.bits },
      at === undefined ? 'ready for any cut' : 'loaded',
    );
    // Its health is its own: agents are answered whether the whole model is there for callers over HTTP or not.
    if (http !== undefined)
      await serveWholeModel(http, model, { settings, codes, host, name: serverName, opened, log });
    const health = () => ({
      ready: true,
      languageModel: name,
      manifest: host.manifestHash,
      at: at ?? null,
      provider,
      ...(settings.bits !== undefined && { bits: settings.bits }),
      ...(provider === 'auto' && { chosen: Object.fromEntries(chosen) }),
      ...host.counts,
    });
    return { name: serverName, handler: host.handler, health };
  });
}

function onlyCut({ at, segment, next }: ServerSettings): number | undefined {
  if (at.length <= 1 && segment === undefined && next === undefined) return at[0];
  throw new CutpointError(
    'CUT_USAGE',
    'A language model has one cut and one server: give one --at, no --segment and no --next.',
  );
}

/** @throws CutpointError CUT_USAGE */
function requireFloats(cache: ServerSettings['cache']): void {
  if (cache === 'f32') return;
  const message = `On a GPU keys and values are kept in f32, not in ${cache}: leave --cache away.`;
  throw new CutpointError('CUT_USAGE', message);
}
