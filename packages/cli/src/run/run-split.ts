import { CutpointError } from '@cutpoint/core';
import {
  checkStage,
  codecsFor,
  connectServer,
  needCuts,
  needsServerFor,
  OpenResources,
  openCutCodecs,
  type SplitRun,
  stageRequestOf,
} from '@cutpoint/daemon';
import { createSplitClient } from '@cutpoint/edge-agent';
import { type CutIdentity, loadStage, openSplit, type ProviderChoice } from '@cutpoint/runtime';
import type { Peer } from '@cutpoint/wire';
import { readInputs } from '../npy/tensor-files.js';
import { startLocalServer } from './local-server.js';

/** What to run and where its second half is. */
export interface RunRequest {
  /** An ONNX file or a segments.json. */
  readonly model: string;
  /** The cuts; none for a segments.json. */
  readonly at: readonly number[];
  /** One for all cuts, or one for each. */
  readonly codecs: readonly string[];
  /** A folder or file with the tables that codecs need. */
  readonly codecTables: string | undefined;
  readonly dims: ReadonlyMap<string, number>;
  /** A file that makes the model take pixels. */
  readonly preprocessing: string | undefined;
  /** A .npy or .npz file. */
  readonly input: string;
  readonly provider: string;
  readonly threads: number;
  /** The server to use; without one, a server is started in a process of its own and stopped afterwards. */
  readonly server: { readonly url: string; readonly ca?: string; readonly token?: string } | undefined;
  /** How long the run may take once everything is loaded, in ms. */
  readonly deadlineMs: number;
}

/** What the run gave, and how it was made. */
export interface RunAnswer extends SplitRun {
  readonly cuts: readonly CutIdentity[];
  /** What computed the front segment; undefined where it computes nothing. */
  readonly provider: ProviderChoice | undefined;
  /** The address of the server that was used; undefined where none was needed. */
  readonly server: string | undefined;
}

const connectTimeoutMs = 10_000;

/**
 * Runs a model once, cut in two: the front segment in this process, the back segment at a server.
 * @throws CutpointError whatever opening, loading, connecting or running throws.
 */
export async function runSplit(request: RunRequest, signal: AbortSignal): Promise<RunAnswer> {
  const opened = new OpenResources();
  try {
    const { at, dims, preprocessing, provider, threads, deadlineMs } = request;
    const model = await openSplit(request.model, { at, dims, preprocessing, signal });
    const [front] = needCuts(model).segments;
    if (front === undefined) throw new CutpointError('CUT_INTERNAL', 'A split has no first segment.');
    const choice = { at: model.cuts.map(({ index }) => index), codecs: codecsFor(model.cuts.length, request.codecs) };
    if (request.server === undefined && choice.at.length > 1) throw oneServerOnly(choice.at.length);
    const codecs = await openCutCodecs(request, model.modelHash);
    codecs.check(model, choice.codecs, [0]);
    const inputs = await readInputs(request.input, model.inputs);
    const stage = opened.add(await loadStage(front, { provider, threads, signal }));
    const connection = async (): Promise<{ peer: Peer; url: string }> => {
      const address = request.server ?? opened.add(await startLocalServer(serveArgs(request), signal));
      const peer = opened.add(await connectServer({ ...address, connectTimeoutMs }, 'cutpoint-run', signal));
      await checkStage(peer, address.url, { model, request: stageRequestOf(choice, 1), signal });
      return { peer, url: address.url };
    };
    const server = needsServerFor(stage.plan, model.outputs) ? await connection() : undefined;
    const client = createSplitClient({
      front: stage,
      choice,
      codecs,
      outputs: model.outputs,
      server: server && (() => server.peer),
      maxInFlight: 1,
    });
    const answer = await client.run(inputs, { signal, deadlineMs });
    return { ...answer, cuts: model.cuts, provider: stage.provider, server: server?.url };
  } finally {
    await opened.close();
  }
}

function oneServerOnly(cuts: number): CutpointError {
  const message = `The model is cut at ${cuts} places, but a run starts one server only: give one cut, or --server with the first of a chain.`;
  return new CutpointError('CUT_USAGE', message);
}

function serveArgs({ model, at, dims, preprocessing, codecTables, provider, threads }: RunRequest): readonly string[] {
  const cut = at.length === 0 ? [] : ['--at', String(at)];
  const sizes = [...dims].flatMap(([name, size]) => ['--dim', `${name}=${size}`]);
  const pixels = preprocessing === undefined ? [] : ['--preprocessing', preprocessing];
  const tables = codecTables === undefined ? [] : ['--codec-tables', codecTables];
  return [model, ...cut, ...sizes, ...pixels, ...tables, '--provider', provider, '--threads', String(threads)];
}
