import { join } from 'node:path';
import { type CancelSignal, messageOf } from '@cutpoint/core';
import { memoryOfPart } from '@cutpoint/llm/parts';
import { planAtMost } from '../window/choose-window.js';
import type { HalfLayer } from '../window/half-layer.js';
import { LayerWindow } from '../window/layer-window.js';
import { halfBytes } from '../window/window-plan.js';
import { type HalfOptions, type HalfSession, type HalfSessions, openHalf, type Shard } from './half-sessions.js';
import { HalfSlots } from './half-slots.js';

export interface WindowedOptions extends HalfOptions {
  /** Hears why what passes is opened each time, where it is. */
  readonly onNoSlots?: (why: string) => void;
}

/** Of a session, beside its weights. */
const sessionBytes = 500_000;

/**
 * A shard's half layers within a budget of memory: what does not fit is read from its file for every pass.
 * @param budgetBytes for weights of half layers: open, being opened, and read ahead.
 * @throws CutpointError as `LayerWindow.open` and `openHalf`
 */
export async function openWindowedHalves(
  shard: Shard,
  options: WindowedOptions,
  budgetBytes: number,
  signal?: CancelSignal,
): Promise<HalfSessions> {
  const { rank } = shard.manifest.slice;
  const slots = await openSlots(shard, options, budgetBytes, signal);
  try {
    const window = await LayerWindow.open(halfLayers(shard, options, slots), {
      rank,
      budgetBytes: besideSlots(shard, options, budgetBytes, slots),
      signal,
    });
    return {
      take: (half) => window.take(half),
      giveBack: (half) => window.release(half),
      release: async () => {
        await window[Symbol.asyncDispose]();
        await slots?.[Symbol.asyncDispose]();
      },
      report: () => ({ ...window.report(), slots: slots?.count ?? 0 }),
    };
  } catch (thrown) {
    await slots?.[Symbol.asyncDispose]();
    throw thrown;
  }
}

function halfLayers(shard: Shard, options: HalfOptions, slots: HalfSlots | undefined): HalfLayer<HalfSession>[] {
  const { folder, manifest } = shard;
  return manifest.halves.map((part, half) => ({
    name: `layer ${half >> 1}, ${half % 2 === 0 ? 'attention' : 'feed-forward'}`,
    path: join(folder, part.path),
    span: { offset: 0, bytes: part.bytes },
    openBytes: Math.ceil(memoryOfPart(part).heldBytes) + sessionBytes,
    open: (bytes) => openHalf(shard, half, options, bytes),
    passing: slots?.passing(half),
  }));
}

/** Slots, if some half layers pass and there is room for them. */
async function openSlots(
  shard: Shard,
  options: WindowedOptions,
  budgetBytes: number,
  signal: CancelSignal | undefined,
): Promise<HalfSlots | undefined> {
  const fits = (slots?: HalfSlots) =>
    planAtMost(halfLayers(shard, options, slots).map(halfBytes), besideSlots(shard, options, budgetBytes, slots), 1);
  if (fits().depth === 0) return undefined;
  const slots = await HalfSlots.open(shard, options, signal);
  if (typeof slots === 'string') {
    options.onNoSlots?.(slots);
    return undefined;
  }
  try {
    fits(slots);
    return slots;
  } catch (thrown) {
    await slots[Symbol.asyncDispose]();
    options.onNoSlots?.(`The window has no room for it. ${messageOf(thrown)}`);
    return undefined;
  }
}

/** What slots leave of a budget, in which one half layer that is open while it passes is counted already. */
function besideSlots(shard: Shard, options: HalfOptions, budgetBytes: number, slots: HalfSlots | undefined): number {
  if (slots === undefined) return budgetBytes;
  const largest = Math.max(...halfLayers(shard, options, slots).map(({ openBytes }) => openBytes));
  return budgetBytes - Math.max(0, slots.bytes - largest);
}
