import { type CancelSignal, CutpointError, cancelReason, onCancel } from '@cutpoint/core';
import type { DecoderCodes } from '@cutpoint/gpu';
import { openChosen, type ProviderChoice } from '@cutpoint/runtime';
import type { RangeDecoder } from '../../decode/range-decoder.js';
import { tokensThatFit } from '../../gpu/cache-tokens.js';
import type { CacheKind } from '../../graph/cache-kind.js';
import type { LayerRange } from '../../graph/range.js';
import { freeMemoryBytes } from '../../memory/free-memory.js';
import { requireMemory } from '../../memory/require-memory.js';
import type { Package } from '../../package/read-package.js';
import { chooseRangeProvider } from '../../provider/choose-range-provider.js';
import { openRange, type RangeProvider } from '../../provider/open-range.js';

export interface RangeStoreOptions {
  readonly threads: number;
  /** How keys and values are kept. */
  readonly cache: CacheKind;
  /** Ranges that may be open at a time, each with weights of its own in memory. */
  readonly maxRanges: number;
  /** What computes them; with `auto` what is fastest for the range. Default: the CPU. */
  readonly provider?: RangeProvider | 'auto';
  /** Widths in which `wgpu` multiplies, of all layers of the model. Default: weights as the package has them, times f32. */
  readonly codes?: DecoderCodes | undefined;
  /** Hears of what was chosen for a range. */
  readonly onChoice?: (range: LayerRange, choice: ProviderChoice) => void;
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
    const { manifest } = this.#package;
    const { threads, cache, provider = 'cpu', gpuCacheBytes, codes, onChoice } = this.#options;
    const { freeBytes = freeMemoryBytes } = this.#options;
    const { config } = manifest;
    const cacheTokens = gpuCacheBytes && tokensThatFit(gpuCacheBytes, config, range.to - range.from);
    const options = { threads, cache, cacheTokens, codes };
    const openOn = async (named: string): Promise<RangeDecoder> => {
      if (named !== 'wgpu') requireMemory(manifest, range, { cache, freeBytes: await freeBytes(), ...here });
      return await openRange(named as RangeProvider, this.#package, range, options);
    };
    const open = async (): Promise<RangeDecoder> => {
      await evicted;
      if (provider !== 'auto') return await openOn(provider);
      const kept = await chooseRangeProvider(this.#package, range, { ...options, own: true });
      const { opened, provider: chosen } = await openChosen(kept, openOn);
      onChoice?.(range, chosen);
      return opened;
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
