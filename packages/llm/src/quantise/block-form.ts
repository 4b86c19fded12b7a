import type { BlockBits, StoredBlockSize } from '../package/package-manifest.js';

/** How rows of floats become blocks of codes. */
export interface BlockForm {
  readonly bits: BlockBits;
  readonly block: StoredBlockSize;
  /** Whether each block has a zero point of its own; else it is the middle of the range. */
  readonly zeroPoints: boolean;
}
