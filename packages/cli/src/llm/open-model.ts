import { CutpointError } from '@cutpoint/core';
import { codecTablesFrom, OpenResources } from '@cutpoint/daemon';
import {
  type CacheChoice,
  codesFor,
  type OpenedModel,
  openLanguageModelOn,
  openSplitLanguageModel,
  readPackage,
  readTuning,
  type SplitLanguageModel,
} from '@cutpoint/llm';
import { startLocalServer } from '../run/local-server.js';
import { type ProviderOptions, requireFitting } from './provider-option.js';
import { type SplitOptions, splitServers } from './split-options.js';

/** A package to open, whole or cut in two. */
export interface ModelRequest extends SplitOptions, Partial<ProviderOptions> {
  readonly folder: string;
  readonly threads: number;
  /** Of the layers that run here, and of a server that is started for this, which is never without one. */
  readonly cache?: CacheChoice;
  /** How long the text may become: what a GPU's cache is made for. Default: the model's context. */
  readonly textTokens?: number;
}

/**
 * Opens a package here; cut in two, the layers behind the cut at a server, which is started in a process of its own where
 * none is named.
 * @throws CutpointError what `openLanguageModelOn`, `openSplitLanguageModel` and `startLocalServer` throw; CUT_USAGE for options
 * that need a cut.
 */
export async function openModel(
  request: ModelRequest,
  signal: AbortSignal,
): Promise<SplitLanguageModel & Partial<Pick<OpenedModel, 'provider'>>> {
  const { folder, threads, cache = 'f32', at, codec, answerCodec, codecTables } = request;
  requireFitting(request);
  if (at === undefined) {
    requireNoCut(request);
    const { provider = 'cpu' } = request;
    const wgpu = {
      codes: request.bits && (await codesFor(folder, request.bits)),
      tuning: readTuning,
      textTokens: await tokensToLayOut(request),
    };
    return await openLanguageModelOn(folder, { provider, threads, cache, wgpu, onMeasuring: tellMeasuring, signal });
  }
  const opened = new OpenResources();
  try {
    const servers = await splitServers(request);
    if (servers.length === 0) servers.push(opened.add(await startLocalServer(serveArgs(request), signal)));
    const tables = codecTablesFrom(codecTables);
    const split = { at, servers, codec, answerCodec, tables, private: request.private };
    const model = opened.add(await openSplitLanguageModel(folder, { ...split, threads, cache, signal }));
    return { ...model, [Symbol.asyncDispose]: () => opened.close() };
  } catch (thrown) {
    await opened.close();
    throw thrown;
  }
}

/** For people, who wait meanwhile. */
export function tellMeasuring(sentence: string): void {
  process.stderr.write(`${sentence}\n`);
}

/** No text becomes longer than its context, whatever was allowed. */
async function tokensToLayOut({ folder, textTokens }: ModelRequest): Promise<number> {
  const { contextTokens } = (await readPackage(folder)).manifest.config;
  return Math.min(textTokens ?? contextTokens, contextTokens);
}

function serveArgs({ folder, threads, cache = 'f32' }: ModelRequest): readonly string[] {
  return [folder, '--threads', String(threads), '--cache', cache === 'none' ? 'f32' : cache];
}

function requireNoCut({ server, codec, codecTables, answerCodec, private: hides }: SplitOptions): void {
  const named = {
    '--server': server,
    '--codec': codec,
    '--codec-tables': codecTables,
    '--private': hides,
    '--answer-codec': answerCodec,
  };
  const [option] = Object.entries(named).find(([, value]) => value !== undefined) ?? [];
  if (option === undefined) return;
  throw new CutpointError('CUT_USAGE', `${option} is for a model that is cut: give --at as well.`);
}
