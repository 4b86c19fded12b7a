import type { BlockBits, BlockSize } from '../package/package-manifest.js';

/** How rows of floats become blocks of codes. */
export interface BlockForm {
  readonly bits: BlockBits;
  readonly block: BlockSize;
  /** Whether each block has a zero point of its own; else it is the middle of the range. */
  readonly zeroPoints: boolean;
}
