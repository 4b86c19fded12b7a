import type { ForwardMessage } from './decoder-protocol.js';

/** What a decoder's worker does with the messages that it is sent, in their order. */
export interface RangeService {
  /** Of all sequences. */
  readonly cacheBytes: number;
  /**
   * Runs tokens of a sequence through the range, in chunks; `throwIfCancelled` is asked before each, and may let others have their turn. What fails leaves the
   * sequence as it was.
   */
  forward(message: ForwardMessage, throwIfCancelled: () => void | Promise<void>): Promise<Float32Array<ArrayBuffer>>;
  /** Takes back a pass that was cancelled when it was done already, as its caller was told that it came to nothing. */
  undo(id: number): void;
  truncate(sequence: number, tokens: number): void;
  clone(sequence: number, into: number, tokens: number): void;
  drop(sequence: number): void;
  release(): Promise<void>;
}
