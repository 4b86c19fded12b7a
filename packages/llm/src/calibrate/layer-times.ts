import { type CancelSignal, throwIfCancelled } from '@cutpoint/core';
import { DecoderRange, type DecoderRangeOptions } from '../decode/decoder-range.js';
import type { CacheKind } from '../graph/cache-kind.js';
import type { LayerRange } from '../graph/range.js';
import type { Package } from '../package/read-package.js';

export interface LayerTimesRequest {
  readonly package: Package;
  /** Ascending lengths of texts in tokens. */
  readonly lengths: readonly number[];
  readonly caches: readonly CacheKind[];
  readonly threads: number;
  readonly chunkTokens: number;
  /** Passes of which the fastest counts, as other work on the device only adds to a time. Default 9. */
  readonly passes?: number;
  readonly onProgress?: (what: string) => void;
  readonly signal?: CancelSignal | undefined;
}

/** Times of one layer in ms, one for each length: of one token behind so many less one by kind of cache, and of so many at once. */
export interface LayerTimes {
  readonly decodeMs: Readonly<Record<string, readonly number[]>>;
  readonly prefillMs: readonly number[];
}

export interface ModelTimes {
  readonly layers: readonly LayerTimes[];
  readonly headMs: number;
  /** The first half of the layers, measured as one range, against the sum of its layers: largest difference, in percent. */
  readonly errorPercent: number;
}

/**
 * Times of single layers on this device, from ranges of layers as they run: all of them, and one of each kind (the same
 * widths, the same window). A range takes some time however many layers it has; it is what the single layers have too much,
 * and counts half for the first layer and half for the last, as any range of a plan has one of them.
 * @throws CutpointError as `DecoderRange.open` and `DecoderRange.forward`.
 */
export async function measureLayerTimes(request: LayerTimesRequest): Promise<ModelTimes> {
  const { manifest } = request.package;
  const { layers } = manifest.config;
  const kinds = kindsOf(request.package);
  const whole = await timesOf(request, { from: 0, to: layers, head: false });
  const alone = new Map<string, LayerTimes>();
  for (const [layer, kind] of kinds.entries()) {
    if (alone.has(kind)) continue;
    alone.set(kind, layers === 1 ? whole : await timesOf(request, { from: layer, to: layer + 1, head: false }));
  }
  const half = Math.floor(layers / 2);
  const first = half === 0 ? undefined : await timesOf(request, { from: 0, to: half, head: false });
  const parts = (row: (of: LayerTimes) => readonly number[]) =>
    row(whole).map((all, i) =>
      splitTimes(
        all,
        kinds.map((kind) => row(alone.get(kind) ?? whole)[i] ?? 0),
      ),
    );
  const decode = byCache(request, (cache) => parts(({ decodeMs }) => decodeMs[cache] ?? []));
  const prefill = parts(({ prefillMs }) => prefillMs);
  const single = (parted: ReturnType<typeof parts>, layer: number) => parted.map((part) => part.single[layer] ?? 0);
  const layerTimes = kinds.map((_, layer) => ({
    decodeMs: byCache(request, (cache) => single(decode[cache] ?? [], layer)),
    prefillMs: single(prefill, layer),
  }));
  const head = await headMs(request);
  const [everyRange] = Object.values(decode).map(([part]) => part?.everyRangeMs ?? 0);
  return {
    layers: layerTimes,
    headMs: Math.max(0, head - (everyRange ?? 0)),
    errorPercent: first === undefined ? 0 : errorOf(layerTimes.slice(0, half), first),
  };
}

function byCache<T>({ caches }: LayerTimesRequest, of: (cache: CacheKind) => T): Record<string, T> {
  return Object.fromEntries(caches.map((cache) => [cache, of(cache)]));
}

/**
 * Single layers of which the sum is the whole.
 * @param alone of each layer the time of a range with it alone.
 */
export function splitTimes(all: number, alone: readonly number[]): { single: number[]; everyRangeMs: number } {
  const sum = alone.reduce((total, ms) => total + ms, 0);
  const [count, least] = [alone.length, Math.min(...alone)];
  // Each range that was measured alone has it once, the whole as well. Noise may say less than nothing, or all there is.
  const everyRangeMs = count === 1 ? 0 : Math.min(0.95 * least, all, Math.max(0, (sum - all) / (count - 1)));
  const own = alone.map((ms) => ms - everyRangeMs);
  const scale = (all - everyRangeMs) / (own.reduce((total, ms) => total + ms, 0) || 1);
  const single = own.map((ms, i) => {
    const ends = (i === 0 ? 0.5 : 0) + (i === count - 1 ? 0.5 : 0);
    return ms * scale + ends * everyRangeMs;
  });
  return { single, everyRangeMs };
}

/** The largest difference between the sum of layers and the range of them, in percent. */
function errorOf(layers: readonly LayerTimes[], range: LayerTimes): number {
  const errorsOf = (row: (of: LayerTimes) => readonly number[]) =>
    row(range).map((ms, i) => {
      const sum = layers.reduce((total, layer) => total + (row(layer)[i] ?? 0), 0);
      return 100 * Math.abs(sum / ms - 1);
    });
  const caches = Object.keys(range.decodeMs);
  const ofTokens = caches.flatMap((cache) => errorsOf(({ decodeMs }) => decodeMs[cache] ?? []));
  return Math.max(...ofTokens, ...errorsOf(({ prefillMs }) => prefillMs));
}

/** What tells layers apart that take different times. */
function kindsOf({ manifest }: Package): string[] {
  return manifest.layers.map(({ weights }, layer) => {
    const forms = Object.entries(weights).map(([name, weight]) =>
      weight?.kind === 'blocks' ? [name, weight.bits, weight.block, weight.zeroPoints !== null] : [name, weight?.dtype],
    );
    return JSON.stringify([forms.sort(), manifest.config.attention[layer]?.windowTokens]);
  });
}

async function timesOf(request: LayerTimesRequest, range: LayerRange): Promise<LayerTimes> {
  const { lengths, caches, signal, onProgress } = request;
  const decodeMs: Record<string, number[]> = {};
  const prefillMs: number[] = [];
  for (const [i, cache] of caches.entries()) {
    onProgress?.(`times of layers ${range.from} to ${range.to - 1}, caches in ${cache}`);
    await using opened = await openRange(request, range, cache);
    const row: number[] = [];
    for (const length of lengths) {
      throwIfCancelled(signal);
      row.push(await fastest(request, opened, length - 1, 1));
      // What the cache is kept in hardly matters to a prompt.
      if (i === 0) prefillMs.push(await fastest(request, opened, 0, length));
    }
    decodeMs[cache] = row;
  }
  return { decodeMs, prefillMs };
}

async function headMs(request: LayerTimesRequest): Promise<number> {
  const { layers } = request.package.manifest.config;
  request.onProgress?.('the time of the head');
  await using head = await openRange(request, { from: layers, to: layers, head: true }, 'f32');
  return await fastest(request, head, 0, 1);
}

async function openRange(request: LayerTimesRequest, range: LayerRange, cache: CacheKind): Promise<DecoderRange> {
  const { folder, manifest } = request.package;
  const { threads, chunkTokens, signal } = request;
  const options: DecoderRangeOptions = { threads, chunkTokens, cache, ...(signal === undefined ? {} : { signal }) };
  return await DecoderRange.open(folder, manifest, range, options);
}

/** Of passes with `tokens` tokens behind `before` others, as their caller waits for them; the first is not counted. */
async function fastest(
  { passes = 9, signal }: LayerTimesRequest,
  range: DecoderRange,
  before: number,
  tokens: number,
): Promise<number> {
  const sequence = range.sequence();
  const options = signal === undefined ? {} : { signal };
  const { hiddenSize } = range.config;
  if (before > 0) await range.forward(sequence, someRows(before, hiddenSize), options);
  let leastMs = Number.POSITIVE_INFINITY;
  for (let pass = 0; pass <= passes; pass++) {
    const hidden = someRows(tokens, hiddenSize);
    const from = performance.now();
    await range.forward(sequence, hidden, options);
    if (pass > 0) leastMs = Math.min(leastMs, performance.now() - from);
    range.truncate(sequence, before);
  }
  range.drop(sequence);
  return leastMs;
}

/** Times do not depend on what the numbers are, as long as they are ordinary ones. */
function someRows(tokens: number, hiddenSize: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: tokens * hiddenSize }, (_, i) => Math.sin(i * 0.7 + (i % 13)));
}
