import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type CancelSignal, CutpointError, messageOf, onCancel, throwIfCancelled } from '@cutpoint/core';
import { KvCache } from '../decode/kv-cache.js';
import type { Package } from '../package/read-package.js';
import type { MemoryProbe } from './memory-probe.js';

/** Memory of a process that runs layers: `baseBytes + perWeightByte * weights + caches + perPassTokenBytes * tokens at once`. */
export interface MemoryFigures {
  readonly baseBytes: number;
  readonly perWeightByte: number;
  readonly perPassTokenBytes: number;
}

export interface MemoryRequest {
  readonly package: Package;
  readonly threads: number;
  readonly chunkTokens: number;
  readonly onProgress?: (what: string) => void;
  readonly signal?: CancelSignal | undefined;
}

/** The built script; `src/calibrate` and `dist/calibrate` lie equally deep, so this holds from both. */
const script = fileURLToPath(new URL('../../dist/calibrate/memory-probe.js', import.meta.url));
const probeDeadlineMs = 600_000;

/**
 * Fits the memory of layers from three processes of their own: with one layer, with all layers and the head, and with a long
 * pass through these. Peaks are those of resident memory.
 * @throws CutpointError CUT_RUN if a probe fails, CUT_CANCELLED.
 */
export async function measureMemory(request: MemoryRequest): Promise<MemoryFigures> {
  const { manifest, folder } = request.package;
  const { threads, chunkTokens } = request;
  const { layers, contextTokens } = manifest.config;
  const long = Math.min(chunkTokens, contextTokens);
  const run = async (to: number, head: boolean, tokens: number): Promise<number> => {
    request.onProgress?.(`memory of ${to} of ${layers} layers with ${tokens} tokens`);
    const peak = await peakOf(
      { folder: resolve(folder), from: 0, to, head, threads, chunkTokens, tokens },
      request.signal,
    );
    // The second sequence of a probe has one token.
    return peak - cacheBytes(request.package, to, tokens) - cacheBytes(request.package, to, 1);
  };
  const weights = manifest.layers.map(({ bytes }) => bytes);
  const one = await run(1, false, 1);
  const all = await run(layers, true, 1);
  const wide = await run(layers, true, long);
  const least = weights[0] ?? 0;
  const most = weights.reduce((sum, bytes) => sum + bytes, 0) + manifest.head.bytes;
  const perWeightByte = Math.max(0, (all - one) / Math.max(1, most - least));
  const perPassTokenBytes = long === 1 ? 0 : Math.max(0, (wide - all) / (long - 1));
  return {
    baseBytes: Math.max(0, one - perWeightByte * least - perPassTokenBytes),
    perWeightByte,
    perPassTokenBytes,
  };
}

/** What the caches of layers take for a text, as they grow in steps. */
function cacheBytes({ manifest: { config } }: Package, layers: number, tokens: number): number {
  const cache = new KvCache({ layers, kvHeads: config.kvHeads, headSize: config.headSize, kind: 'f32' });
  cache.reserve(tokens);
  return cache.bytes;
}

const execute = promisify(execFile);

async function peakOf(probe: MemoryProbe, signal: CancelSignal | undefined): Promise<number> {
  throwIfCancelled(signal);
  const stop = new AbortController();
  using _ = onCancel(signal, () => stop.abort());
  try {
    const options = { signal: stop.signal, timeout: probeDeadlineMs };
    const { stdout } = await execute(process.execPath, [script, JSON.stringify(probe)], options);
    const bytes = Number(stdout);
    if (Number.isFinite(bytes) && bytes > 0) return bytes;
    throw new Error(`it said "${stdout.slice(0, 100)}"`);
  } catch (thrown) {
    throwIfCancelled(signal);
    const message = `A process that measures memory failed: ${messageOf(thrown)}.`;
    throw new CutpointError('CUT_RUN', message, { cause: thrown });
  }
}
