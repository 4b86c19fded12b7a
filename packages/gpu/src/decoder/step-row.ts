import type { Draw } from './draw.js';

/** A hidden state that is on the GPU already: a row of `hiddenSize` numbers among others. It stays as it is until its pass has ended. */
export interface StateOnGpu {
  readonly states: GPUBuffer;
  readonly row: number;
}

/** A token, or its hidden state of `hiddenSize` numbers. */
export type RowInput = number | Float32Array | StateOnGpu;

/** One token of one sequence, behind those that the sequence holds or that come before it in the same step. */
export interface StepRow {
  readonly sequence: number;
  readonly input: RowInput;
  /** Whether it is wanted what comes out. */
  readonly wanted: boolean;
  /** Of a wanted row: how its token is drawn. Default: the likeliest. Its logits, where they are read, have the penalty. */
  readonly draw?: Draw | undefined;
}

export interface StepResult {
  /** Of each wanted row, in order, the token behind it, drawn or the likeliest; `noToken` where its logits hold what is no number. Empty without head. */
  readonly tokens: Uint32Array;
  /** Of each wanted row, if they were asked for: logits, or hidden states of a range without head. */
  readonly rows: readonly Float32Array[];
}
