import type { OpenedPayload } from '@cutpoint/codec';
import { CutpointError, elementCount } from '@cutpoint/core';
import type { Gpu } from '../device/gpu.js';
import type { Dispatch } from '../device/kernel.js';
import { workgroupsFor } from '../device/workgroups.js';
import { type ElementsOnGpu, requireRoom } from './elements-on-gpu.js';
import { decodeElementsKernel } from './kernels/decode-elements.js';
import {
  decodeStepsKernel,
  groupBytes,
  placeOutliersKernel,
  readGroupsKernel,
  type stepsParams,
} from './kernels/decode-steps.js';
import { usualThreads } from './kernels/kernel-text.js';

/** What is decoded on the GPU: a payload that was opened, or elements as they crossed. */
export type Decodable = Pick<OpenedPayload, 'type' | 'parts' | 'places' | 'bytes'>;

/**
 * Writes the elements of a payload that was opened. What goes up is its bytes and the numbers that say where its parts lie.
 * @throws CutpointError CUT_INPUT if it has no room, or is not of f32; CUT_GPU_LIMIT, CUT_GPU_MEMORY, CUT_GPU_LOST, CUT_INTERNAL.
 */
export async function decodeParts(gpu: Gpu, opened: Decodable, into: ElementsOnGpu): Promise<void> {
  const { type, parts, places, bytes } = opened;
  requireF32(type.dtype);
  const elements = elementCount(type.shape);
  requireRoom(into, elements);
  if (elements === 0) return;
  const { from: first = 0 } = into;
  if (parts.kind === 'elements' && places.kind === 'elements') {
    const { format } = parts;
    if (format === 'f32') gpu.write(into.buffer, bytes.subarray(places.at, places.at + 4 * elements), 4 * first);
    else if (format !== 'f64') await decodeElements(gpu, bytes, format, { elements, first, at: places.at }, into);
    return;
  }
  await decodeSteps(gpu, opened, { elements, first }, into);
}

async function decodeElements(
  gpu: Gpu,
  bytes: Uint8Array,
  format: 'f16' | 'bf16',
  { elements, first, at }: { readonly elements: number; readonly first: number; readonly at: number },
  into: ElementsOnGpu,
): Promise<void> {
  const kernel = await gpu.kernel(decodeElementsKernel(format));
  using buffers = await gpu.buffers({ params: Uint32Array.of(elements, first, at, 0), payload: bytes });
  const bound = gpu.bind(kernel, [buffers.params, buffers.payload, into.buffer]);
  await gpu.submit([{ bound, groups: workgroupsFor(elements, usualThreads) }]);
}

async function decodeSteps(
  gpu: Gpu,
  { parts, places, bytes }: Decodable,
  { elements, first }: { readonly elements: number; readonly first: number },
  into: ElementsOnGpu,
): Promise<void> {
  if (parts.kind !== 'steps' || places.kind !== 'steps') {
    throw new CutpointError('CUT_INTERNAL', 'A payload was opened as two kinds of parts.');
  }
  const { grouping, steps, outliers } = parts;
  const kernels = {
    groups: await gpu.kernel(readGroupsKernel()),
    steps: await gpu.kernel(decodeStepsKernel()),
    outliers: await gpu.kernel(placeOutliersKernel()),
  };
  const groups = grouping.outer * grouping.inner;
  const kept = outliers?.at.length ?? 0;
  const params: Record<(typeof stepsParams)[number], number> = {
    groups,
    length: grouping.length,
    inner: grouping.inner,
    elements,
    first,
    narrow: Number(steps.narrow),
    width: 'all' in places.widths ? places.widths.all : 0,
    widthsAt: 'at' in places.widths ? places.widths.at : 0,
    lowsAt: places.lowsAt,
    scalesAt: places.scalesAt,
    codesAt: places.codesAt,
    outliers: kept,
    gapsAt: places.outliers?.gapsAt ?? 0,
    valuesAt: places.outliers?.valuesAt ?? 0,
  };
  using buffers = await gpu.buffers({
    params: Uint32Array.from(Object.values(params)),
    payload: bytes,
    groups: { bytes: groupBytes * groups },
  });
  const dispatch = (kernel: (typeof kernels)['steps'], bound: readonly GPUBuffer[], pieces: number): Dispatch => ({
    bound: gpu.bind(kernel, [buffers.params, ...bound]),
    groups: workgroupsFor(pieces, usualThreads),
  });
  await gpu.submit([
    dispatch(kernels.groups, [buffers.payload, buffers.groups], 1),
    dispatch(kernels.steps, [buffers.payload, buffers.groups, into.buffer], elements),
    ...(kept > 0 ? [dispatch(kernels.outliers, [buffers.payload, into.buffer], 1)] : []),
  ]);
}

function requireF32(dtype: string): void {
  if (dtype === 'f32') return;
  throw new CutpointError('CUT_INPUT', `Codecs on a GPU give f32 tensors, not ${dtype}: decode this one on the CPU.`);
}
