import type { CancelSignal } from '@cutpoint/core';
import type { DecoderConfig } from '../architecture/decoder-config.js';
import type { Sampling } from '../text/sampling.js';

/**
 * Continues texts token by token, on this machine (`Decoder`) or on two with a cut between them. Each text is a *sequence*
 * with caches of its own; passes of several sequences may be under way at once, of one sequence one after another.
 */
export interface TokenDecoder extends AsyncDisposable {
  readonly config: DecoderConfig;
  /** A new, empty sequence. */
  sequence(): number;
  /**
   * Runs the tokens of a text that its sequence does not hold yet, and chooses what follows. Afterwards the sequence holds
   * all of the text and those tokens of the draft that were right. What fails leaves it as it was.
   * @throws CutpointError as `DecoderRange.forward` and `sampleToken`.
   */
  next(sequence: number, step: Step): Promise<NextTokens>;
  /** Forgets all but the first tokens of a sequence. */
  truncate(sequence: number, tokens: number): void;
  /**
   * A new sequence that begins with the first tokens of another; neither knows of the other afterwards. While a pass of the
   * other is under way, only tokens that it held before may be asked for.
   */
  clone(sequence: number, tokens: number): number;
  /** Frees a sequence's caches. */
  drop(sequence: number): void;
}

export interface Step {
  /** From its first token on. It begins with what the sequence holds, and is longer. */
  readonly text: readonly number[];
  /** What may follow; it is verified in the same pass. */
  readonly draft: readonly number[];
  readonly sampling: Sampling;
  /** Tokens behind which nothing is chosen. */
  readonly ends: ReadonlySet<number>;
  readonly signal?: CancelSignal;
}

export interface NextTokens {
  /** One token, and before it those of the draft that were right; none behind an end token. */
  readonly tokens: readonly number[];
  /** How many of them were drafted. */
  readonly accepted: number;
  readonly cost: StepCost;
}

/** What one pass cost. On one machine nothing is sent. */
export interface StepCost {
  /** Layers, and the head where it is here. */
  readonly agentMs: number;
  /** Encoding and decoding of what crosses the cut, on both sides. */
  readonly codecMs: number;
  /** From sending to the answer's arrival, without what the server says it took. */
  readonly linkMs: number;
  readonly serverMs: number;
  /** Frames included. */
  readonly upBytes: number;
  readonly downBytes: number;
}
