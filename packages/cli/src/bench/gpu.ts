import { CutpointError } from '@cutpoint/core';
import {
  bestOfSchemes,
  type CodeWidths,
  costOf,
  type Gpu,
  type GpuInfo,
  openGpu,
  type ProductCost,
  type ProductShape,
  rowProductCost,
  schemeNamed,
  type TunedProduct,
  timeFloatProduct,
  tuneProduct,
} from '@cutpoint/gpu';
import { softwareNote } from '../gpu/info.js';
import { OrtTimes } from './gpu-ort-times.js';

export interface GpuBenchRequest {
  readonly rows: readonly number[];
  readonly outputs: number;
  readonly columns: number;
  readonly widths: readonly CodeWidths[];
  readonly signal: AbortSignal;
  readonly onProgress: (line: string) => void;
}

/** One product: in f32, or by the fastest kernel of one scheme. */
export interface GpuRow {
  readonly kernel: 'f32' | TunedProduct['scheme'];
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly wBits: number;
  readonly aBits: number;
  readonly us: number;
  /** Multiplications and additions, in thousands of millions a second. */
  readonly gops: number;
  /** So many times as fast as the same product in f32, of the same run. */
  readonly vsF32: number;
  /** The same against onnxruntime, and its time: with weights in blocks where they have 4 or 8 bits, else f32. null: see the notes. */
  readonly vsOrt: number | null;
  readonly ortUs: number | null;
  /** From the kernel's own arithmetic (`ProductCost`), of each multiplication with its addition. */
  readonly instructionsPerMac: number;
  readonly bytesPerMac: number;
}

export interface GpuBench {
  readonly adapter: GpuInfo;
  readonly rows: readonly GpuRow[];
  /** What the numbers do not mean, and which are missing, and why. */
  readonly notes: readonly string[];
}

type Sizes = Pick<ProductShape, 'rows' | 'outputs' | 'columns'>;

/** Columns of a group: what packages have unless they say otherwise. */
const groupSize = 32;
const floatBits = 32;

/** Times products of codes in all widths asked for, beside f32. @throws CutpointError CUT_GPU_MISSING and others of a GPU. */
export async function benchGpu(request: GpuBenchRequest): Promise<GpuBench> {
  const { rows: counts, outputs, columns } = request;
  using gpu = await openGpu();
  const ort = new OrtTimes(request.signal, request.onProgress);
  const rows: GpuRow[] = [];
  for (const m of counts) rows.push(...(await benchRows(gpu, { rows: m, outputs, columns }, request, ort)));
  return { adapter: gpu.info, rows, notes: [...(gpu.info.software ? [softwareNote.trim()] : []), ...ort.notes] };
}

async function benchRows(
  gpu: Gpu,
  sizes: Sizes,
  { widths, signal, onProgress }: GpuBenchRequest,
  ort: OrtTimes,
): Promise<readonly GpuRow[]> {
  const now = () => performance.now();
  onProgress(`${sizes.rows} rows in f32`);
  const floatUs = await timeFloatProduct(gpu, sizes, now);
  const times = { us: floatUs, floatUs, ortUs: await ort.of({ ...sizes, weights: 'f32' }) };
  const rows = [rowOf('f32', sizes, [floatBits, floatBits], times, floatCost(gpu.info, sizes))];
  for (const { weightBits, activationBits } of widths) {
    const shape = { ...sizes, groupSize, weightBits, activationBits };
    const what = `${sizes.rows} rows, w${weightBits}a${activationBits}`;
    const showTried = (done: number, total: number) => onProgress(`${what}: ${done} of ${total}`);
    const timed = await tuneProduct(gpu, shape, { now, signal, onProgress: showTried });
    const ortUs = await ort.of({ ...sizes, weights: weightBits === 4 || weightBits === 8 ? weightBits : 'f32' });
    for (const best of bestOfSchemes(shape, timed)) {
      const cost = codeCost(best, gpu.info.packedDot);
      rows.push(rowOf(best.scheme, sizes, [weightBits, activationBits], { us: best.us, floatUs, ortUs }, cost));
    }
  }
  return rows;
}

function floatCost(info: GpuInfo, { rows, outputs, columns }: Sizes): ProductCost {
  return rowProductCost(info, { kind: 'float', dtype: 'f32', rows: outputs, columns }, rows);
}

function codeCost(product: TunedProduct, packedDot: boolean): ProductCost {
  const scheme = schemeNamed(product.scheme, product, packedDot);
  if (scheme === undefined)
    throw new CutpointError('CUT_INTERNAL', `A scheme was timed that this GPU lacks: ${product.scheme}.`);
  return costOf({ scheme, shape: product.division }, product);
}

function rowOf(
  kernel: GpuRow['kernel'],
  { rows: m, outputs: n, columns: k }: Sizes,
  [wBits, aBits]: readonly [number, number],
  { us, floatUs, ortUs }: { readonly us: number; readonly floatUs: number; readonly ortUs: number | null },
  { instructions, bytes }: ProductCost,
): GpuRow {
  const macs = m * n * k;
  return {
    ...{ kernel, m, n, k, wBits, aBits, us },
    gops: (2 * macs) / (us * 1000),
    vsF32: floatUs / us,
    vsOrt: ortUs === null ? null : ortUs / us,
    ortUs,
    instructionsPerMac: instructions / macs,
    bytesPerMac: bytes / macs,
  };
}
