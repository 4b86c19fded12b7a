import { type Grouping, groupingOf, type Outliers, type Parts, type PartsSettings, tabqOptions } from '@cutpoint/codec';
import { CutpointError, elementCount } from '@cutpoint/core';
import type { BufferSet } from '../device/buffer-parts.js';
import type { Gpu } from '../device/gpu.js';
import type { Dispatch, KernelSource } from '../device/kernel.js';
import { workgroupsFor } from '../device/workgroups.js';
import { type ElementsOnGpu, requireRoom } from './elements-on-gpu.js';
import { chooseStepsKernel } from './kernels/choose-steps.js';
import { collectOutliersKernel } from './kernels/collect-outliers.js';
import { encodeElementsKernel } from './kernels/encode-elements.js';
import { type encodeParams, stateBytes } from './kernels/encode-params.js';
import { lanesFor } from './kernels/group-lanes.js';
import { groupRangesKernel } from './kernels/group-ranges.js';
import { usualThreads } from './kernels/kernel-text.js';
import { codesOfRun, packCodesKernel, placeGroupsKernel } from './kernels/pack-codes.js';
import { countTailKernel, findTailKernel, tailBins } from './kernels/tail.js';

type StepsSettings = PartsSettings & { readonly name: 'affine' | 'ts-tabq' };

/**
 * The parts of a payload for f32 elements on the GPU; nothing but them is read back.
 * @throws CutpointError CUT_INPUT if the buffer does not hold the shape; CUT_CODEC if the codec cannot carry an element; CUT_GPU_LIMIT, CUT_GPU_MEMORY, CUT_GPU_LOST, CUT_INTERNAL.
 */
export async function encodeParts(
  gpu: Gpu,
  settings: PartsSettings,
  from: ElementsOnGpu,
  shape: readonly number[],
): Promise<Parts> {
  const elements = elementCount(shape);
  requireRoom(from, elements);
  if (settings.name === 'affine' || settings.name === 'ts-tabq') return await encodeSteps(gpu, settings, from, shape);
  if (settings.name === 'raw') {
    const part = { buffer: from.buffer, from: 4 * (from.from ?? 0), bytes: 4 * elements };
    const [bytes = new ArrayBuffer(0)] = await gpu.readParts([part]);
    return { kind: 'elements', format: 'f32', bytes: new Uint8Array(bytes) };
  }
  return await encodeElements(gpu, settings.name, from, elements);
}

async function encodeElements(
  gpu: Gpu,
  format: 'f16' | 'bf16',
  { buffer, from: first = 0 }: ElementsOnGpu,
  elements: number,
): Promise<Parts> {
  const kernel = await gpu.kernel(encodeElementsKernel(format));
  const words = Math.ceil(elements / 2);
  using buffers = await gpu.buffers({
    params: Uint32Array.of(elements, first, 0, 0),
    words: { bytes: 4 * words },
    overflows: { bytes: 4 },
  });
  const bound = gpu.bind(kernel, [buffers.params, buffer, buffers.words, buffers.overflows]);
  if (words > 0) await gpu.submit([{ bound, groups: workgroupsFor(words, usualThreads) }]);
  const [overflows = new ArrayBuffer(4), bytes = new ArrayBuffer(0)] = await gpu.readParts([
    { buffer: buffers.overflows, from: 0, bytes: 4 },
    { buffer: buffers.words, from: 0, bytes: 4 * words },
  ]);
  if (new Uint32Array(overflows)[0] !== 0) {
    const message = `An element of the f32 tensor is beyond what ${format} holds: choose a codec that keeps it, such as raw.`;
    throw new CutpointError('CUT_CODEC', message);
  }
  return { kind: 'elements', format, bytes: new Uint8Array(bytes, 0, 2 * elements) };
}

/** All magnitudes that can be quantised: 2^126. */
const largestBits = 0x7e_80_00_00;

type EncodeBuffers = BufferSet<
  'params' | 'state' | 'lows' | 'highs' | 'scales' | 'widths' | 'starts' | 'widthBytes' | 'codes' | 'counts'
>;

async function encodeSteps(
  gpu: Gpu,
  settings: StepsSettings,
  from: ElementsOnGpu,
  shape: readonly number[],
): Promise<Parts> {
  const grouping = groupingOf(shape, settings.name === 'affine' ? settings.per : settings.token);
  const elements = elementCount(shape);
  const groups = grouping.outer * grouping.inner;
  const params = paramsOf(settings, grouping, elements, from.from ?? 0);
  using buffers: EncodeBuffers = await gpu.buffers({
    params: paramBytes(params),
    state: Uint32Array.of(settings.name === 'affine' ? largestBits : 0, 0, 0, 0),
    counts: { bytes: settings.name === 'affine' ? 4 : 4 * tailBins },
    lows: { bytes: 4 * groups },
    highs: { bytes: 4 * groups },
    scales: { bytes: 4 * groups },
    widths: { bytes: 4 * groups },
    starts: { bytes: 4 * groups },
    widthBytes: { bytes: groups },
    // A run may reach into the word behind its last.
    codes: { bytes: groups * Math.ceil((params.most * grouping.length) / 8) + 12 },
  });
  if (elements > 0) await gpu.submit(await dispatches(gpu, settings.name, buffers, from.buffer, grouping, params));
  return await partsOf(gpu, settings, buffers, from, { grouping, elements });
}

function paramsOf(
  settings: StepsSettings,
  { outer, length, inner }: Grouping,
  elements: number,
  first: number,
): Record<(typeof encodeParams)[number], number> {
  const { bits, options } =
    settings.name === 'affine'
      ? { bits: settings.bits, options: { least: 0, rho: 0, delta: 1, maxWidth: settings.bits } }
      : { bits: 0, options: tabqOptions(settings) };
  return {
    groups: outer * inner,
    length,
    inner,
    elements,
    first,
    width: bits,
    most: options.maxWidth,
    mayBeNarrow: Number(options.delta >= 2 ** -18),
    outliers: Math.floor(options.rho * elements),
    least: new Uint32Array(Float32Array.of(options.least).buffer)[0] ?? 0,
    'delta: f32': options.delta,
  };
}

function paramBytes({ 'delta: f32': delta, ...whole }: ReturnType<typeof paramsOf>): Uint32Array {
  const numbers = Uint32Array.of(...Object.values(whole), 0, 0);
  new Float32Array(numbers.buffer)[Object.keys(whole).length] = delta;
  return numbers;
}

/** From elements to packed codes; each step builds on those before it. */
async function dispatches(
  gpu: Gpu,
  name: StepsSettings['name'],
  buffers: EncodeBuffers,
  values: GPUBuffer,
  grouping: Grouping,
  { elements, groups }: { readonly elements: number; readonly groups: number },
): Promise<readonly Dispatch[]> {
  const { params, state, lows, highs, scales, widths, starts, widthBytes, codes, counts } = buffers;
  const lanes = lanesFor(grouping);
  const ofGroups = workgroupsFor(groups, lanes.threads / lanes.lanes);
  const one = [1, 1, 1] as const;
  const step = async (source: KernelSource, bound: readonly GPUBuffer[], workgroups: Dispatch['groups']) => ({
    bound: gpu.bind(await gpu.kernel(source), [params, ...bound]),
    groups: workgroups,
  });
  const searched = name === 'ts-tabq';
  const tail = [
    () => step(countTailKernel(), [values, counts], workgroupsFor(Math.min(elements, 1 << 18), 16 * usualThreads)),
    () => step(findTailKernel(), [counts, state], one),
  ];
  const runs = groups * Math.ceil(grouping.length / codesOfRun);
  const all = [
    ...(searched ? tail : []),
    () => step(groupRangesKernel(lanes), [values, lows, highs, state], ofGroups),
    () =>
      step(
        chooseStepsKernel(lanes, searched),
        [...(searched ? [values] : []), lows, highs, scales, widths, state],
        ofGroups,
      ),
    () => step(placeGroupsKernel(), [widths, starts, widthBytes, state], one),
    () =>
      step(packCodesKernel(), [values, lows, scales, widths, starts, codes, state], workgroupsFor(runs, usualThreads)),
  ];
  return await Promise.all(all.map((make) => make()));
}

async function partsOf(
  gpu: Gpu,
  settings: StepsSettings,
  buffers: EncodeBuffers,
  from: ElementsOnGpu,
  { grouping, elements }: { readonly grouping: Grouping; readonly elements: number },
): Promise<Parts> {
  const groups = grouping.outer * grouping.inner;
  const state = { buffer: buffers.state, from: 0, bytes: stateBytes };
  const [, unfit = 0, outside = 0, codeBytes = 0] = new Uint32Array(await gpu.read(state.buffer, state.bytes));
  if (settings.name === 'affine' && outside > 0) {
    const message =
      'affine carries finite elements up to 2^126 only: choose a codec that keeps others, such as raw or ts-tabq.';
    throw new CutpointError('CUT_CODEC', message);
  }
  const part = (buffer: GPUBuffer, bytes: number) => ({ buffer, from: 0, bytes: Math.ceil(bytes / 4) * 4 });
  using found = await gpu.buffers({ outliers: { bytes: 8 * outside }, taken: { bytes: 4 } });
  if (outside > 0) await collect(gpu, buffers, from.buffer, found, elements);
  const [lows, scales, widths, codes, pairs] = await gpu.readParts([
    part(buffers.lows, 4 * groups),
    part(buffers.scales, 4 * groups),
    part(buffers.widthBytes, groups),
    part(buffers.codes, codeBytes),
    part(found.outliers, 8 * outside),
  ]);
  if (!lows || !scales || !widths || !codes || !pairs) {
    throw new CutpointError('CUT_INTERNAL', 'Parts of a payload were not read back.');
  }
  const steps = {
    narrow: unfit === 0 && (settings.name === 'affine' || settings.delta >= 2 ** -18),
    lows: new Float32Array(lows),
    scales: new Float32Array(scales),
    widths: new Uint8Array(widths, 0, groups),
    codes: new Uint8Array(codes, 0, codeBytes),
  };
  const outliers = settings.name === 'affine' ? undefined : inOrder(new Uint32Array(pairs));
  return { kind: 'steps', grouping, form: 'packed', steps, outliers };
}

async function collect(
  gpu: Gpu,
  { params, state }: EncodeBuffers,
  values: GPUBuffer,
  found: BufferSet<'outliers' | 'taken'>,
  elements: number,
): Promise<void> {
  const kernel = await gpu.kernel(collectOutliersKernel());
  const bound = gpu.bind(kernel, [params, values, found.outliers, found.taken, state]);
  await gpu.submit([{ bound, groups: workgroupsFor(elements, usualThreads) }]);
}

/** Threads find outliers in any order; a payload has them in the tensor's. @param pairs of a place and the bits of what is there. */
function inOrder(pairs: Uint32Array): Outliers {
  const order = Array.from({ length: pairs.length / 2 }, (_, i) => 2 * i).sort(
    (a, b) => (pairs[a] ?? 0) - (pairs[b] ?? 0),
  );
  const at = Uint32Array.from(order, (i) => pairs[i] ?? 0);
  const bits = Uint32Array.from(order, (i) => pairs[i + 1] ?? 0);
  return { at, values: new Float32Array(bits.buffer) };
}
