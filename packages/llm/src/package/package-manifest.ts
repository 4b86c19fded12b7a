import type { DecoderConfig } from '../architecture/decoder-config.js';

/**
 * A *package* is a folder: `manifest.json`, `embedding.bin`, `layers/000.bin` and on, `head.bin`, the tokenizer's files.
 * Any range of layers is joined into one ONNX graph when it is opened; its weights stay in these files as external data,
 * so that a range that moves to another device moves as files, by hash.
 */
export const packageFormat = 'cutpoint-llm';
export const packageVersion = 1;
export const manifestName = 'manifest.json';
/** A manifest of 1,024 layers takes 4 MB. */
export const longestManifestBytes = 16e6;

/** Widths in which a matrix may be stored in blocks. 3 and 5 are refused by onnxruntime's MatMulNBits. */
export type BlockBits = 2 | 4 | 8;
export type BlockSize = 32 | 64 | 128;
/** Blocks of shards are smaller where their columns begin inside one of the package's. */
export type StoredBlockSize = 16 | BlockSize;

/** Where bytes lie within a part's file. Offsets are multiples of 64. */
export interface FileSpan {
  readonly offset: number;
  readonly bytes: number;
}

/**
 * One weight of a part. A matrix has `rows` outputs and `columns` inputs, row by row, as checkpoints have it.
 * `blocks` is the layout of onnxruntime's MatMulNBits: codes of `[rows, ceil(columns / block), block * bits / 8]` bytes,
 * the lower bits first; scales f32 `[rows, ceil(columns / block)]`; zero points packed likewise,
 * `[rows, ceil(blocks * bits / 8)]`, or absent for the middle of the range (8 of 4 bits, 128 of 8).
 */
export type StoredWeight =
  | {
      readonly kind: 'float';
      readonly dtype: 'f32' | 'f16';
      readonly shape: readonly number[];
      readonly span: FileSpan;
    }
  | {
      readonly kind: 'blocks';
      readonly bits: BlockBits;
      readonly block: StoredBlockSize;
      readonly rows: number;
      readonly columns: number;
      readonly codes: FileSpan;
      readonly scales: FileSpan;
      readonly zeroPoints: FileSpan | null;
    };

/** Weights of one layer. Fused: `qkv` has the rows of queries, keys and values, `gateUp` those of gate and up. */
export type LayerWeightName =
  | 'attentionNorm'
  | 'qkv'
  | 'qkvBias'
  | 'queryNorm'
  | 'keyNorm'
  | 'out'
  | 'outBias'
  | 'postAttentionNorm'
  | 'ffnNorm'
  | 'gateUp'
  | 'down'
  | 'postFfnNorm';

/** The weights of a layer that are matrices, in the order in which they are used; others are vectors. */
export const layerMatrixNames = ['qkv', 'out', 'gateUp', 'down'] as const satisfies readonly LayerWeightName[];
export type LayerMatrixName = (typeof layerMatrixNames)[number];

/** A file of weights. */
export interface PackagePart<Name extends string> {
  /** Relative to the package's folder, with forward slashes. */
  readonly path: string;
  readonly bytes: number;
  /** SHA-256, lower-case hexadecimal. */
  readonly sha256: string;
  readonly weights: Readonly<Partial<Record<Name, StoredWeight>>>;
}

export interface PackageFile {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

export interface PackageManifest {
  readonly format: typeof packageFormat;
  readonly version: typeof packageVersion;
  /** A name for people and for `/v1/models`. */
  readonly name: string;
  /** SHA-256 of what tells the checkpoint from others (`fingerprintOf`): packages of one, in whatever widths, share it. */
  readonly checkpoint: string;
  readonly config: DecoderConfig;
  /** Read a row at a time, never as a whole: always `float`, or `blocks` of 8 bits. */
  readonly embedding: PackagePart<'table'>;
  readonly layers: readonly PackagePart<LayerWeightName>[];
  /** Last norm and vocabulary matrix. */
  readonly head: PackagePart<'norm' | 'matrix'>;
  /** `tokenizer.json`, `tokenizer_config.json`, a chat template; empty for random weights. */
  readonly tokenizer: readonly PackageFile[];
}
