import { join } from 'node:path';
import type { CancelSignal } from '@cutpoint/core';
import { memoryOfPart } from '@cutpoint/llm/parts';
import type { InferenceSession } from 'onnxruntime-node';
import type { HalfLayer } from '../window/half-layer.js';
import { LayerWindow } from '../window/layer-window.js';
import { type HalfOptions, type HalfSessions, openHalf, type Shard } from './half-sessions.js';

/** Of a session, beside its weights. */
const sessionBytes = 500_000;

/**
 * A shard's half layers within a budget of memory: what does not fit is read from its file for every pass.
 * @param budgetBytes for weights of half layers: open, being opened, and read ahead.
 * @throws CutpointError as `LayerWindow.open` and `openHalf`
 */
export async function openWindowedHalves(
  shard: Shard,
  options: HalfOptions,
  budgetBytes: number,
  signal?: CancelSignal,
): Promise<HalfSessions> {
  const { rank } = shard.manifest.slice;
  const window = await LayerWindow.open(halfLayers(shard, options), { rank, budgetBytes, signal });
  return {
    take: (half) => window.take(half),
    giveBack: (half) => window.release(half),
    release: () => window[Symbol.asyncDispose](),
    report: () => window.report(),
  };
}

function halfLayers(shard: Shard, options: HalfOptions): HalfLayer<InferenceSession>[] {
  const { folder, manifest } = shard;
  return manifest.halves.map((part, half) => ({
    name: `layer ${half >> 1}, ${half % 2 === 0 ? 'attention' : 'feed-forward'}`,
    path: join(folder, part.path),
    span: { offset: 0, bytes: part.bytes },
    openBytes: Math.ceil(memoryOfPart(part).heldBytes) + sessionBytes,
    open: (bytes) => openHalf(shard, half, options, bytes),
  }));
}
