import { asCutpointError, type CancelSignal, throwIfCancelled } from '@cutpoint/core';
import { attribute, buildModel, node, serialiseModel, tensorValue, weight } from '@cutpoint/graph';
import { availableProviders, loadSegment, measureSegment } from '@cutpoint/runtime';

/** A product as onnxruntime computes it: in f32, or with weights of so many bits in blocks. */
export interface OrtProduct {
  readonly rows: number;
  readonly outputs: number;
  readonly columns: number;
  readonly weights: 'f32' | 4 | 8;
}

export type OrtTime = { readonly kind: 'timed'; readonly us: number } | { readonly kind: 'none'; readonly why: string };

/** A model with more products than one takes longer by those alone: what goes up and comes down is the same. */
const moreProducts = 4;
const deadlineMs = 60_000;
/** A model that holds its weights must stay below 2 GB, as protobuf is. */
const mostModelBytes = 2 ** 30;
const block = 32;

/**
 * How long onnxruntime's WebGPU takes for a product (`MatMul`, or `MatMulNBits` with activations of 8 bits), with adding the result to
 * another; in a process of its own, as a driver may die. onnxruntime chooses the GPU itself: the fastest, as we do.
 * @throws CutpointError CUT_CANCELLED
 */
export async function timeOrtProduct(product: OrtProduct, signal: AbortSignal): Promise<OrtTime> {
  const { weights, outputs, columns } = product;
  if (!(await availableProviders(signal)).includes('webgpu')) {
    return { kind: 'none', why: 'it has no WebGPU on this platform' };
  }
  const bytes = (moreProducts + 1) * outputs * columns * (weights === 'f32' ? 4 : weights / 8);
  if (bytes > mostModelBytes) return { kind: 'none', why: 'the model to time it with would be too large' };
  try {
    const both = AbortSignal.any([signal, AbortSignal.timeout(deadlineMs)]);
    const oneMs = await timeModel(product, 1, both);
    const us = (1000 * ((await timeModel(product, 1 + moreProducts, both)) - oneMs)) / moreProducts;
    return us > 0 ? { kind: 'timed', us } : { kind: 'none', why: 'it is too fast to be timed among what else runs' };
  } catch (thrown) {
    throwIfCancelled(signal);
    return { kind: 'none', why: asCutpointError(thrown, 'CUT_PROVIDER').message };
  }
}

async function timeModel(product: OrtProduct, products: number, signal: CancelSignal): Promise<number> {
  const model = serialiseModel(productsModel(product, products));
  const options = { provider: 'webgpu', isolation: 'process', signal } as const;
  await using segment = await loadSegment({ kind: 'bytes', model }, options);
  return (await measureSegment(segment, new Map(), { signal })).ms;
}

/** The sum of some products of the same rows with different weights. */
function productsModel({ rows, outputs, columns, weights }: OrtProduct, products: number) {
  const each = Array.from({ length: products }, (_, i) =>
    weights === 'f32' ? floatProduct(i, outputs, columns) : blockProduct(i, outputs, columns, weights),
  );
  const sums = each
    .slice(1)
    .map((_, i) => node('Add', [i === 0 ? 'product0' : `sum${i}`, `product${i + 1}`], [`sum${i + 1}`]));
  const result = products === 1 ? 'product0' : `sum${products - 1}`;
  return buildModel({
    inputs: [tensorValue('rows', 'f32', [rows, columns])],
    outputs: [tensorValue(result, 'f32', [rows, outputs])],
    nodes: [...each.map(({ multiply }) => multiply), ...sums],
    initializers: each.flatMap(({ values }) => values),
    domains: { 'com.microsoft': 1 },
  });
}

function floatProduct(i: number, outputs: number, columns: number) {
  const values = weight(`weights${i}`, 'f32', [columns, outputs], new Float32Array(columns * outputs).fill(i + 1));
  return { multiply: node('MatMul', ['rows', `weights${i}`], [`product${i}`]), values: [values] };
}

function blockProduct(i: number, outputs: number, columns: number, bits: 4 | 8) {
  const blocks = Math.ceil(columns / block);
  const codes = new Uint8Array(outputs * blocks * ((block * bits) / 8)).fill(i + 1);
  const scales = new Float32Array(outputs * blocks).fill(1);
  const attributes = {
    K: attribute.int(columns),
    N: attribute.int(outputs),
    bits: attribute.int(bits),
    block_size: attribute.int(block),
    // Activations in 8 bits.
    accuracy_level: attribute.int(4),
  };
  const inputs = ['rows', `codes${i}`, `scales${i}`];
  return {
    multiply: node('MatMulNBits', inputs, [`product${i}`], attributes, { domain: 'com.microsoft' }),
    values: [
      weight(`codes${i}`, 'u8', [outputs, blocks, (block * bits) / 8], codes),
      weight(`scales${i}`, 'f32', [outputs, blocks], scales),
    ],
  };
}
