import { CutpointError } from '@cutpoint/core';
import {
  addressesOf,
  codecTablesFrom,
  type Daemon,
  type HealthReport,
  type Log,
  serverAddressOf,
  startDaemon,
} from '@cutpoint/daemon';
import {
  codesOfSetting,
  Decoder,
  modelProviderOf,
  type OpenedModel,
  openSplitLanguageModel,
  openWholeModel,
  SplitDecoder,
  type SplitLanguageModel,
  splitWidthsOf,
  WgpuDecoder,
} from '@cutpoint/llm';
import { askedFor } from '@cutpoint/runtime';
import { answerProbe, probeMethod, type RequestHandler } from '@cutpoint/wire';
import type { AgentSettings } from '../settings.js';

/**
 * Serves a language model over HTTP until closed: all of it runs on this device, or with `at` the layers before the cut,
 * and the others at a server.
 * @param folder of its package.
 * @throws CutpointError as `openLanguageModel` or `openSplitLanguageModel`; CUT_USAGE, CUT_BIND, CUT_INSECURE_BIND,
 * CUT_FILE_NOT_FOUND, CUT_TLS.
 */
export async function startLanguageAgent(
  settings: AgentSettings,
  folder: string,
  { log }: { readonly log: Log },
): Promise<Daemon> {
  const { http } = settings;
  if (http === undefined) {
    const message = `${folder} is a language model, which is asked over HTTP: give --http, such as --http 127.0.0.1:7481.`;
    throw new CutpointError('CUT_USAGE', message);
  }
  return await startDaemon(settings, log, async (opened) => {
    // Loaded where it is needed: with it comes all that HTTP takes.
    const { serveTextModel } = await import('@cutpoint/llm/api');
    const model = opened.add(await openModel(settings, folder, log));
    const { name } = model.manifest;
    const health = () => healthOf(model);
    opened.add(await serveTextModel(http, settings, { ...model, name, health, log }));
    return { name: 'cutpoint-agent', handler: onlyProbes, health };
  });
}

type AgentModel = SplitLanguageModel & Partial<Pick<OpenedModel, 'provider'>>;

async function openModel(settings: AgentSettings, folder: string, log: Log): Promise<AgentModel> {
  const { server, threads, cache, provider, codec: codecs, private: hides, connectTimeoutMs, timeoutMs } = settings;
  const { answerCodec, codecTables } = settings;
  const [at, another] = settings.at;
  const [codec] = codecs;
  if (another !== undefined || codecs.length > 1) {
    throw new CutpointError('CUT_USAGE', 'A language model has one cut: give one --at and one --codec.');
  }
  requireWhole(settings);
  const codes = await codesOfSetting(folder, settings);
  if (at === undefined) {
    if (server === undefined && !hides) {
      return await openWholeModel(folder, { provider: modelProviderOf(provider), threads, cache, codes }, log);
    }
    throw new CutpointError('CUT_USAGE', '--server and --private are for a model that is cut: give --at as well.');
  }
  const { serverCa: ca, serverTokenFile: tokenFile } = settings;
  const servers = (server === undefined ? [] : addressesOf(server)).map((url) =>
    serverAddressOf({ url, ca, tokenFile, connectTimeoutMs }, log),
  );
  const model = await openSplitLanguageModel(folder, {
    at,
    servers: await Promise.all(servers),
    codec,
    answerCodec,
    tables: codecTablesFrom(codecTables),
    private: hides,
    threads,
    cache,
    connectTimeoutMs,
    giveUpMs: timeoutMs,
  });
  log.info({ at, codec, widths: splitWidthsOf(model) }, 'cut in two');
  return model;
}

function healthOf({ decoder, manifest: { name: model }, provider }: AgentModel): HealthReport {
  if (decoder instanceof Decoder || decoder instanceof WgpuDecoder) {
    const { provider: computes, how } = provider ?? askedFor('cpu');
    return { ready: decoder.alive, model, provider: { provider: computes, how } };
  }
  const server = decoder instanceof SplitDecoder && decoder.server !== undefined ? 'connected' : 'away';
  return { ready: server === 'connected', model, server };
}

const onlyProbes: RequestHandler = async ({ method, meta }) => {
  if (method === probeMethod) return answerProbe({ meta });
  throw new CutpointError('CUT_USAGE', 'This agent has a language model: ask it over HTTP, as its log says.');
};

/** @throws CutpointError CUT_PROVIDER, CUT_USAGE */
function requireWhole({ provider, at }: AgentSettings): void {
  if (modelProviderOf(provider) === 'cpu' || at.length === 0) return;
  const message = `With --provider ${provider} an agent runs the whole model: leave --at away, or use cpu.`;
  throw new CutpointError('CUT_USAGE', message);
}
