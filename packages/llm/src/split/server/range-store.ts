import { setImmediate } from 'node:timers/promises';
import { type CancelSignal, CutpointError, cancelReason, onCancel } from '@cutpoint/core';
import { DecoderRange } from '../../decode/decoder-range.js';
import type { RangeDecoder } from '../../decode/range-decoder.js';
import { tokensThatFit } from '../../gpu/cache-tokens.js';
import { WgpuRange } from '../../gpu/wgpu-range.js';
import type { CacheKind } from '../../graph/cache-kind.js';
import type { LayerRange } from '../../graph/range.js';
import { freeMemoryBytes } from '../../memory/free-memory.js';
import { requireMemory } from '../../memory/require-memory.js';
import { partsIn } from '../../package/parts-in-folder.js';
import type { Package } from '../../package/read-package.js';

/** onnxruntime on the CPU, or our own kernels on a GPU. */
export type RangeProvider = 'cpu' | 'wgpu';

export interface RangeStoreOptions {
  readonly threads: number;
  /** How keys and values are kept. */
  readonly cache: CacheKind;
  /** Ranges that may be open at a time, each with weights of its own in memory. */
  readonly maxRanges: number;
  /** What computes them. Default: the CPU. */
  readonly provider?: RangeProvider;
  /** What keys and values may take on a GPU, where they are laid out at once. Default: one whole context. */
  readonly gpuCacheBytes?: number;
  /** Memory that is free for layers, in bytes. Default: what the system says. */
  readonly freeBytes?: () => Promise<number>;
}

/** A range for one user, until it is disposed. */
export interface RangeLease extends Disposable {
  readonly range: RangeDecoder;
  readonly cache: CacheKind;
}

const here = { where: 'on the server', advice: 'cut later, or end what takes the memory' };

interface Entry {
  readonly opening: Promise<RangeDecoder>;
  users: number;
  usedAtMs: number;
}

/** The layers behind cuts, opened when they are first asked for. */
export class RangeStore implements AsyncDisposable {
  readonly #package: Package;
  readonly #options: RangeStoreOptions;
  readonly #entries = new Map<string, Entry>();

  constructor(made: Package, options: RangeStoreOptions) {
    this.#package = made;
    this.#options = options;
  }

  get open(): number {
    return this.#entries.size;
  }

  /**
   * Layers, opened if they are not. A range that fails to open is forgotten.
   * @throws CutpointError CUT_MEMORY, CUT_OVERLOADED if all that may be open are in use, what `DecoderRange.open` or `WgpuRange.open` throws; the
   * signal's reason, though the range goes on opening then.
   */
  async take(range: LayerRange, signal?: CancelSignal): Promise<RangeLease> {
    const key = `${range.from} ${range.head}`;
    const entry = this.#entries.get(key) ?? this.#open(key, range);
    entry.users += 1;
    let given = false;
    const giveBack = () => {
      if (given) return;
      given = true;
      entry.users -= 1;
      entry.usedAtMs = performance.now();
    };
    try {
      const opened = await unlessCancelled(entry.opening, signal);
      return { range: opened, cache: this.#options.cache, [Symbol.dispose]: giveBack };
    } catch (thrown) {
      giveBack();
      throw thrown;
    }
  }

  /** Forgets a range whose worker is gone: who asks next gets another. */
  async discard({ range }: RangeLease): Promise<void> {
    for (const [key, { opening }] of this.#entries) {
      if ((await opening) === range) this.#entries.delete(key);
    }
    await range.dispose();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    await Promise.all(entries.map(closed));
  }

  #open(key: string, range: LayerRange): Entry {
    const evicted = this.#makeRoom();
    const { folder, manifest } = this.#package;
    const { threads, cache, provider, gpuCacheBytes, freeBytes = freeMemoryBytes } = this.#options;
    const open = async (): Promise<RangeDecoder> => {
      await evicted;
      if (provider === 'wgpu') {
        const { config } = manifest;
        const fitting = gpuCacheBytes && tokensThatFit(gpuCacheBytes, config, range.to - range.from);
        return await WgpuRange.open(partsIn(folder), manifest, range, {
          cacheTokens: fitting ?? config.contextTokens,
          pause: () => setImmediate(),
        });
      }
      requireMemory(manifest, range, { cache, freeBytes: await freeBytes(), ...here });
      return await DecoderRange.open(folder, manifest, range, { threads, cache });
    };
    const entry: Entry = { opening: open(), users: 0, usedAtMs: performance.now() };
    this.#entries.set(key, entry);
    entry.opening.catch(() => this.#entries.delete(key));
    return entry;
  }

  /** Closes the range that was not used for longest, where one more would be too many. */
  #makeRoom(): Promise<void> | undefined {
    const { maxRanges } = this.#options;
    if (this.#entries.size < maxRanges) return undefined;
    const idle = [...this.#entries].filter(([, { users }]) => users === 0);
    const [oldest] = idle.sort(([, a], [, b]) => a.usedAtMs - b.usedAtMs);
    if (oldest === undefined) {
      const message = `${maxRanges} cuts are in use already, and the server opens no more at a time; try again later, or start it with more (--max-stages).`;
      throw new CutpointError('CUT_OVERLOADED', message);
    }
    this.#entries.delete(oldest[0]);
    return closed(oldest[1]);
  }
}

/** One that failed to open has told whoever asked for it. */
async function closed({ opening }: Entry): Promise<void> {
  const range = await opening.catch(() => undefined);
  await range?.dispose();
}

async function unlessCancelled<T>(work: Promise<T>, signal: CancelSignal | undefined): Promise<T> {
  if (signal === undefined) return await work;
  const { promise, reject } = withRejection<T>();
  using _ = onCancel(signal, () => reject(cancelReason(signal)));
  return await Promise.race([work, promise]);
}

function withRejection<T>(): { promise: Promise<T>; reject: (reason: CutpointError) => void } {
  let reject: (reason: CutpointError) => void = () => {};
  const promise = new Promise<T>((_, rejected) => {
    reject = rejected;
  });
  return { promise, reject };
}
