import type { BlockBits, BlockSize } from '../package/package-manifest.js';
import type { CheckpointTensor } from './checkpoint.js';
import { encodings, type TensorEncoding } from './tensor-encoding.js';

/** Widths that can be asked for: blocks of 2, 4, 8 bits, floats of 16 and 32. */
export const weightBits = [2, 4, 8, 16, 32] as const;
export type WeightBits = (typeof weightBits)[number];

/** How a matrix is stored. */
export type MatrixWidth =
  | { readonly kind: 'float'; readonly dtype: 'f32' | 'f16' }
  | { readonly kind: 'blocks'; readonly bits: BlockBits; readonly block: BlockSize; readonly zeroPoints: boolean };

/** What a person asked for. */
export interface WidthRequest {
  /** Null: as the checkpoint has it. */
  readonly bits: WeightBits | null;
  /** Null: 32 where the checkpoint has blocks, else 128. */
  readonly block: BlockSize | null;
}

/** Without zero points: at the usual blocks of 128 they lose more than they save (docs/decisions.md has the figures). */
export function blocksOf(bits: BlockBits, block: BlockSize): MatrixWidth {
  return { kind: 'blocks', bits, block, zeroPoints: false };
}

/**
 * The width of a matrix made of these tensors. Blocks of the checkpoint that packages can hold stay as they are, unless
 * another width is asked for: Q4_0 as 4 bits, Q8_0 as 8, both together as 8. Other quantisations become blocks of 32 of the
 * next width.
 */
export function widthOf(tensors: readonly CheckpointTensor[], { bits, block }: WidthRequest): MatrixWidth {
  if (bits === 16 || bits === 32) return { kind: 'float', dtype: bits === 16 ? 'f16' : 'f32' };
  const has = new Set(tensors.map(({ encoding }) => encoding));
  const kept = keptBits(has);
  const keeps = kept !== undefined && (bits === null || bits === kept) && (block === null || block === 32);
  if (keeps) return { kind: 'blocks', bits: kept, block: 32, zeroPoints: false };
  const isQuantised = [...has].some((encoding) => encodings[encoding].elements > 1);
  if (bits !== null) return blocksOf(bits, block ?? (isQuantised ? 32 : 128));
  if (has.has('f32')) return { kind: 'float', dtype: 'f32' };
  if (has.has('f16') || has.has('bf16')) return { kind: 'float', dtype: 'f16' };
  return blocksOf(has.has('q5_k') || has.has('q6_k') || has.has('q8_0') ? 8 : 4, block ?? 32);
}

/** The width in which blocks can stay as they are. */
function keptBits(has: ReadonlySet<TensorEncoding>): 4 | 8 | undefined {
  const others = [...has].some((encoding) => encoding !== 'q4_0' && encoding !== 'q8_0');
  if (others) return undefined;
  return has.has('q8_0') ? 8 : 4;
}

/**
 * The width of the embedding, which is read by rows: floats, or blocks of 8 bits, into which Q4_0 fits exactly.
 */
export function embeddingWidthOf(tensor: CheckpointTensor, request: WidthRequest): MatrixWidth {
  const width = widthOf([tensor], request);
  if (width.kind === 'float' || width.bits === 8) return width;
  const isKept = tensor.encoding === 'q4_0' && width.block === 32;
  return isKept ? { ...width, bits: 8, zeroPoints: false } : blocksOf(8, width.block);
}

/** The width of the vocabulary's matrix, which 2 bits would ruin: 4 at least. */
export function headWidthOf(tensor: CheckpointTensor, request: WidthRequest): MatrixWidth {
  return widthOf([tensor], { ...request, bits: request.bits === 2 ? 4 : request.bits });
}
