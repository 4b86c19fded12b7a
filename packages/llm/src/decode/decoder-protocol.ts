import type { ErrorCode } from '@cutpoint/core';
import type { CacheChoice } from '../graph/cache-kind.js';
import type { LayerRange } from '../graph/range.js';
import type { PackageManifest } from '../package/package-manifest.js';

/**
 * Of how many tokens, the last ones, a pass through a range with head gives logits: those of all take more memory than weights
 * where texts and vocabularies are long. A range without head gives hidden states of all tokens.
 */
export type WantedLogits = number | 'all';

/** What a range of layers is opened with. */
export interface OpenRequest {
  readonly folder: string;
  readonly manifest: PackageManifest;
  readonly range: LayerRange;
  readonly threads: number;
  /** Of onnxruntime. */
  readonly provider: string;
  readonly chunkTokens: number;
  readonly cache: CacheChoice;
}

/** `hidden` [tokens, hiddenSize] moves to the worker. */
export interface ForwardMessage {
  readonly kind: 'forward';
  readonly id: number;
  readonly sequence: number;
  readonly hidden: Float32Array<ArrayBuffer>;
  readonly logits: WantedLogits;
}

/**
 * What the caller's side sends; all but `cancel` and `stop` in order. Sequences are numbered by the caller: `clone` and
 * `forward` open the sequence they name if there is none.
 */
export type ToDecoder<Request> =
  | { readonly kind: 'open'; readonly request: Request }
  | ForwardMessage
  | { readonly kind: 'truncate'; readonly sequence: number; readonly tokens: number }
  | { readonly kind: 'clone'; readonly sequence: number; readonly into: number; readonly tokens: number }
  | { readonly kind: 'drop'; readonly sequence: number }
  | { readonly kind: 'cancel'; readonly id: number }
  | { readonly kind: 'stop' };

/** What the worker sends. Every `forward` is answered once; one that was cancelled as `failed` with CUT_CANCELLED. */
export type FromDecoder =
  | { readonly kind: 'opened' }
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly message: string }
  | {
      readonly kind: 'passed';
      readonly id: number;
      readonly data: Float32Array<ArrayBuffer>;
      readonly computeMs: number;
      /** Of all sequences' caches. */
      readonly cacheBytes: number;
    }
  | { readonly kind: 'failed'; readonly id: number; readonly code: ErrorCode; readonly message: string };
