import type { CancelSignal } from '@cutpoint/core';
import {
  bestOfSchemes,
  type CodeWidths,
  type GpuInfo,
  openGpu,
  type ProductShape,
  schemesFor,
  timeFloatProduct,
  tuneProduct,
} from '@cutpoint/gpu';

export interface GpuBenchRequest {
  readonly rows: readonly number[];
  readonly outputs: number;
  readonly columns: number;
  readonly widths: readonly CodeWidths[];
  readonly signal: CancelSignal;
  readonly onProgress: (line: string) => void;
}

/** The fastest kernel of one scheme for one product. */
export interface GpuRow {
  readonly kernel: string;
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
  /** The same against onnxruntime; null where it was not measured. */
  readonly vsOrt: number | null;
  /** From the kernel's own arithmetic: instructions, and bytes of weights, for one product of two codes. */
  readonly operationsPerProduct: number;
  readonly weightBytesPerProduct: number;
}

export interface GpuBench {
  readonly adapter: GpuInfo;
  readonly rows: readonly GpuRow[];
}

/** Columns of a group: what packages have unless they say otherwise. */
const groupSize = 32;

/** Times products of codes in all widths asked for, beside f32. @throws CutpointError CUT_GPU_MISSING and others of a GPU. */
export async function benchGpu(request: GpuBenchRequest): Promise<GpuBench> {
  const { rows: counts, outputs, columns, widths, signal, onProgress } = request;
  using gpu = await openGpu();
  const now = () => performance.now();
  const rows: GpuRow[] = [];
  for (const m of counts) {
    onProgress(`${m} rows in f32`);
    const floatUs = await timeFloatProduct(gpu, { rows: m, outputs, columns }, now);
    for (const { weightBits, activationBits } of widths) {
      const shape = { rows: m, outputs, columns, groupSize, weightBits, activationBits };
      const what = `${m} rows, w${weightBits}a${activationBits}`;
      const options = {
        now,
        signal,
        onProgress: (done: number, total: number) => onProgress(`${what}: ${done} of ${total}`),
      };
      const best = bestOfSchemes(shape, await tuneProduct(gpu, shape, options));
      rows.push(...best.map(({ scheme, us }) => rowOf(shape, scheme, us, floatUs)));
    }
  }
  return { adapter: gpu.info, rows };
}

function rowOf(shape: ProductShape, kernel: string, us: number, floatUs: number): GpuRow {
  const { rows: m, outputs: n, columns: k, weightBits, activationBits } = shape;
  const scheme = schemesFor(activationBits, weightBits, true).find(({ name }) => name === kernel);
  return {
    kernel,
    m,
    n,
    k,
    wBits: weightBits,
    aBits: activationBits,
    us,
    gops: (2 * m * n * k) / (us * 1000),
    vsF32: floatUs / us,
    vsOrt: null,
    operationsPerProduct: scheme?.operationsPerProduct ?? 0,
    weightBytesPerProduct: scheme === undefined ? 0 : (4 * scheme.rightWords) / scheme.columnsPerStep / m,
  };
}
