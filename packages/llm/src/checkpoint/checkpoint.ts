import type { DecoderConfig } from '../architecture/decoder-config.js';
import type { NamedFile } from '../package/write-package.js';
import type { TensorEncoding } from './tensor-encoding.js';

/** A tensor of a checkpoint, read a few rows at a time. A vector is one row. */
export interface CheckpointTensor {
  /** As the checkpoint calls it, for messages. */
  readonly name: string;
  readonly encoding: TensorEncoding;
  readonly rows: number;
  readonly columns: number;
  /** What is added to each element: 1 for norms of Gemma, which are stored without. */
  readonly plus: 0 | 1;
  /** The bytes of `count` rows from `first` on. @throws CutpointError CUT_CHECKPOINT */
  readRows(first: number, count: number): Promise<Uint8Array<ArrayBuffer>>;
}

/** The tensors of a layer by what they do; which of them there are follows from the `DecoderConfig`. */
export type LayerTensorName =
  | 'attentionNorm'
  | 'query'
  | 'key'
  | 'value'
  | 'queryBias'
  | 'keyBias'
  | 'valueBias'
  | 'queryNorm'
  | 'keyNorm'
  | 'out'
  | 'outBias'
  | 'postAttentionNorm'
  | 'ffnNorm'
  | 'gate'
  | 'up'
  | 'down'
  | 'postFfnNorm';

export type LayerTensors = Readonly<Partial<Record<LayerTensorName, CheckpointTensor>>>;

/** All tensors of a decoder, with the shapes that its config says. */
export interface DecoderTensors {
  readonly embedding: CheckpointTensor;
  readonly layers: readonly LayerTensors[];
  readonly norm: CheckpointTensor;
  /** The embedding where it is tied. */
  readonly matrix: CheckpointTensor;
}

/** A checkpoint that was opened: everything but the weights has been read and checked. */
export interface Checkpoint extends AsyncDisposable {
  readonly name: string;
  readonly config: DecoderConfig;
  readonly tensors: DecoderTensors;
  readonly tokenizer: readonly NamedFile[];
}
