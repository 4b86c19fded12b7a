import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CutpointError, median } from '@cutpoint/core';
import {
  decoderOfShape,
  type PackageManifest,
  packageWeightBytes,
  type ShapeName,
  synthesisePackage,
  writeRandomGguf,
} from '@cutpoint/llm';
import { type EngineRound, LlmEngine, type RoundRequest } from './llm-engine.js';
import { memoryBandwidth } from './memory-bandwidth.js';

export interface LlmBenchRequest {
  readonly shape: ShapeName;
  readonly threads: number;
  readonly rounds: number;
  /** A folder of `testbed/peers`. */
  readonly peer: string | undefined;
  readonly signal: AbortSignal;
  readonly onProgress: (what: string) => void;
}

/** Tokens per second; medians of all rounds. */
export interface LlmRates {
  readonly decodeAt16: number;
  readonly decodeAt1000: number;
  readonly prefillOf512: number;
}

export interface LlmBench {
  readonly shape: ShapeName;
  readonly threads: number;
  readonly rounds: number;
  readonly ours: LlmRates & {
    readonly residentBytes: number;
    /** Of the long text's keys and values. */
    readonly cacheBytes: number;
  };
  readonly peer: (LlmRates & { readonly name: string; readonly residentBytes: number }) | null;
  /** Ours over the peer's: medians of the ratios of rounds, which lie next to each other in time. */
  readonly ratios: LlmRates | null;
  /** Weights that a token reads. */
  readonly bytesPerToken: number;
  /** Measured in the same run, with as many threads. */
  readonly memoryBytesPerS: number;
  /** Bytes of weights per second while decoding, over those that the memory gives. */
  readonly bandwidthShare: number;
}

export const round: RoundRequest = { shortTokens: 16, promptTokens: 512, longTokens: 1000, decodeTokens: 16 };
const peersFolder = fileURLToPath(new URL('../../../../testbed/peers/', import.meta.url));

/**
 * Decoding and prefill on random weights of 4 bits in the shape of a known model, beside a peer on weights of the same shape
 * in Q4_0, in turns, each in a process of its own.
 * @throws CutpointError CUT_USAGE for a peer that is not installed; as `synthesisePackage`; CUT_LOAD, CUT_RUN.
 */
export async function benchLlm(request: LlmBenchRequest): Promise<LlmBench> {
  const { shape, threads, signal, onProgress, peer } = request;
  const peerScript = peer === undefined ? undefined : scriptOf(peer);
  const folder = await mkdtemp(join(tmpdir(), 'cutpoint-bench-llm-'));
  try {
    onProgress('writes random weights');
    const own = join(folder, 'package');
    const manifest = await synthesisePackage({ shape, bits: 4, block: 128, folder: own, signal });
    const gguf = join(folder, 'peer.gguf');
    if (peerScript !== undefined) await writeRandomGguf(gguf, decoderOfShape(shape), signal);
    onProgress('measures the memory');
    const memoryBytesPerS = await memoryBandwidth(threads);
    onProgress('opens the models');
    const ourScript = fileURLToPath(new URL('./llm-own.js', import.meta.url));
    await using ours = await LlmEngine.start('cutpoint', ourScript, [own, String(threads)], signal);
    await using other =
      peer === undefined || peerScript === undefined
        ? undefined
        : await LlmEngine.start(peer, peerScript, [gguf, String(threads)], signal);
    const turns = await turnsOf(ours, other, request);
    return summaryOf(turns, manifest, { ...request, memoryBytesPerS });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The script of a peer that was installed. @throws CutpointError CUT_USAGE */
export function scriptOf(peer: string): string {
  const script = join(peersFolder, peer, 'engine.mjs');
  if (/^[a-z0-9-]+$/.test(peer) && existsSync(script) && existsSync(join(peersFolder, peer, 'node_modules'))) {
    return script;
  }
  const message = `The peer ${peer} is not installed: in a clone of Cutpoint's repository, \`npm run peer -- ${peer}\` installs it.`;
  throw new CutpointError('CUT_USAGE', message);
}

interface Turn {
  readonly ours: EngineRound;
  readonly peer: EngineRound | undefined;
}

async function turnsOf(
  ours: LlmEngine,
  peer: LlmEngine | undefined,
  { rounds, signal, onProgress }: LlmBenchRequest,
): Promise<readonly Turn[]> {
  // The first round warms up.
  const turns: Turn[] = [];
  for (let index = 0; index <= rounds; index++) {
    onProgress(index === 0 ? 'warms up' : `round ${index} of ${rounds}`);
    turns.push({ ours: await ours.round(round, signal), peer: await peer?.round(round, signal) });
  }
  return turns.slice(1);
}

type Measured = Pick<LlmBenchRequest, 'shape' | 'threads' | 'rounds' | 'peer'> & { readonly memoryBytesPerS: number };

function summaryOf(turns: readonly Turn[], manifest: PackageManifest, measured: Measured): LlmBench {
  const { shape, threads, rounds, peer, memoryBytesPerS } = measured;
  const ours = turns.map((turn) => turn.ours);
  const peers = turns.flatMap((turn) => turn.peer ?? []);
  const ratios = turns.flatMap((turn) =>
    turn.peer === undefined ? [] : [ratiosOf(ratesOf(turn.ours), ratesOf(turn.peer))],
  );
  const rates = medianRates(ours.map(ratesOf));
  // A row of the embedding is read from its file; the rest of it never.
  const bytesPerToken = packageWeightBytes(manifest) - manifest.embedding.bytes;
  return {
    shape,
    threads,
    rounds,
    ours: {
      ...rates,
      residentBytes: mostOf(ours.map(({ residentBytes }) => residentBytes)),
      cacheBytes: mostOf(ours.map(({ cacheBytes }) => cacheBytes ?? 0)),
    },
    peer:
      peer === undefined
        ? null
        : {
            name: peer,
            ...medianRates(peers.map(ratesOf)),
            residentBytes: mostOf(peers.map(({ residentBytes }) => residentBytes)),
          },
    ratios: peer === undefined ? null : medianRates(ratios),
    bytesPerToken,
    memoryBytesPerS,
    bandwidthShare: (bytesPerToken * rates.decodeAt16) / memoryBytesPerS,
  };
}

export function ratesOf({ shortDecodeMs, longDecodeMs, prefillMs }: EngineRound): LlmRates {
  return {
    decodeAt16: 1000 / median(shortDecodeMs),
    decodeAt1000: 1000 / median(longDecodeMs),
    prefillOf512: (1000 * round.promptTokens) / prefillMs,
  };
}

export function ratiosOf(ours: LlmRates, peer: LlmRates): LlmRates {
  return {
    decodeAt16: ours.decodeAt16 / peer.decodeAt16,
    decodeAt1000: ours.decodeAt1000 / peer.decodeAt1000,
    prefillOf512: ours.prefillOf512 / peer.prefillOf512,
  };
}

export function medianRates(rates: readonly LlmRates[]): LlmRates {
  return {
    decodeAt16: median(rates.map(({ decodeAt16 }) => decodeAt16)),
    decodeAt1000: median(rates.map(({ decodeAt1000 }) => decodeAt1000)),
    prefillOf512: median(rates.map(({ prefillOf512 }) => prefillOf512)),
  };
}

function mostOf(values: readonly number[]): number {
  return Math.max(...values);
}
