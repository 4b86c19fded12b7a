import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { decoderOfShape, type ShapeName, synthesisePackage, writeRandomGguf } from '@cutpoint/llm';
import { type LlmRates, medianRates, ratesOf, ratiosOf, round, scriptOf } from './llm.js';
import { LlmEngine } from './llm-engine.js';

export interface ClusterBenchRequest {
  readonly shape: ShapeName;
  readonly ranks: number;
  /** Of the links between ranks, one way; with the rate in Mbit/s. Undefined: loopback as it is. */
  readonly link: { readonly delayMs: number; readonly rateMbit: number } | undefined;
  readonly rounds: number;
  /** A folder of `testbed/peers`: one process with as many threads. */
  readonly peer: string | undefined;
  readonly signal: AbortSignal;
  readonly onProgress: (what: string) => void;
}

/** Tokens per second; medians of all rounds. */
export interface ClusterBench {
  readonly shape: ShapeName;
  readonly ranks: number;
  readonly rounds: number;
  /** Null: loopback as it is. */
  readonly link: { readonly delayMs: number; readonly rateMbit: number } | null;
  /** Ranks of one core each. */
  readonly cluster: LlmRates;
  /** One process with as many threads. */
  readonly alone: LlmRates;
  readonly peer: (LlmRates & { readonly name: string }) | null;
  /** The cluster over each: medians of the ratios of rounds, which lie next to each other in time. */
  readonly overAlone: LlmRates;
  readonly overPeer: LlmRates | null;
}

interface Turn {
  readonly cluster: LlmRates;
  readonly alone: LlmRates;
  readonly peer: LlmRates | undefined;
}

/**
 * Decoding and prefill on random weights of 4 bits in the shape of a known model, by ranks of one core each, by one process
 * with as many threads, and by a peer, in turns.
 * @throws CutpointError CUT_USAGE for a peer that is not installed; as `synthesisePackage`; CUT_LOAD, CUT_RUN.
 */
export async function benchCluster(request: ClusterBenchRequest): Promise<ClusterBench> {
  const { shape, ranks, link, rounds, peer, signal, onProgress } = request;
  const peerScript = peer === undefined ? undefined : scriptOf(peer);
  const folder = await mkdtemp(join(tmpdir(), 'cutpoint-bench-cluster-'));
  try {
    onProgress('writes random weights');
    const own = join(folder, 'package');
    await synthesisePackage({ shape, bits: 4, block: 128, folder: own, signal });
    const gguf = join(folder, 'peer.gguf');
    if (peerScript !== undefined) await writeRandomGguf(gguf, decoderOfShape(shape), signal);
    onProgress('opens the models');
    const linked = link === undefined ? [] : [String(link.delayMs), String(link.rateMbit)];
    const clusterArgs = [own, String(ranks), join(folder, 'shards'), ...linked];
    await using alone = await LlmEngine.start('cutpoint', scriptOfOurs('llm-own'), [own, String(ranks)], signal);
    await using cluster = await LlmEngine.start('the cluster', scriptOfOurs('cluster-own'), clusterArgs, signal);
    await using other =
      peer === undefined || peerScript === undefined
        ? undefined
        : await LlmEngine.start(peer, peerScript, [gguf, String(ranks)], signal);
    const turns: Turn[] = [];
    // The first round warms up.
    for (let index = 0; index <= rounds; index++) {
      onProgress(index === 0 ? 'warms up' : `round ${index} of ${rounds}`);
      const rates = async (engine: LlmEngine): Promise<LlmRates> => ratesOf(await engine.round(round, signal));
      turns.push({
        cluster: await rates(cluster),
        alone: await rates(alone),
        peer: other === undefined ? undefined : await rates(other),
      });
    }
    return summaryOf(turns.slice(1), request);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function scriptOfOurs(name: string): string {
  return fileURLToPath(new URL(`./${name}.js`, import.meta.url));
}

function summaryOf(turns: readonly Turn[], { shape, ranks, link, rounds, peer }: ClusterBenchRequest): ClusterBench {
  const peers = turns.flatMap((turn) => turn.peer ?? []);
  return {
    shape,
    ranks,
    rounds,
    link: link ?? null,
    cluster: medianRates(turns.map((turn) => turn.cluster)),
    alone: medianRates(turns.map((turn) => turn.alone)),
    peer: peer === undefined ? null : { name: peer, ...medianRates(peers) },
    overAlone: medianRates(turns.map((turn) => ratiosOf(turn.cluster, turn.alone))),
    overPeer:
      peer === undefined
        ? null
        : medianRates(turns.flatMap((turn) => (turn.peer === undefined ? [] : ratiosOf(turn.cluster, turn.peer)))),
  };
}
