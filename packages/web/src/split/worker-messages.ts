import type { NamedTensors } from '@cutpoint/core';
import type { Provider } from './provider.js';

/** What becomes of a front segment's outputs. */
export interface FrontOutputs {
  /** These cross the cut. */
  readonly sends: readonly string[];
  /** These are answers of the model already; `all`: whatever it gives. */
  readonly answers: readonly string[] | 'all';
}

/** What the page asks of its worker; each is answered by one `WorkerAnswer` of the same number. */
export type WorkerRequest = { readonly id: number } & (
  | (FrontOutputs & {
      readonly kind: 'load';
      readonly provider: Provider;
      /** Null: there is nothing to compute, and the inputs cross as they are. */
      readonly model: ArrayBuffer | null;
    })
  | { readonly kind: 'run'; readonly inputs: NamedTensors; readonly codec: string }
);

export type WorkerAnswer = { readonly id: number } & (
  | { readonly kind: 'loaded' }
  | { readonly kind: 'ran'; readonly result: FrontResult }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }
);

/** What one run of a front segment gave. */
export interface FrontResult {
  /** What crosses the cut, as it crosses: after the codec. */
  readonly sends: NamedTensors;
  readonly answers: NamedTensors;
  /** Bytes of what crosses before the codec. */
  readonly rawBytes: number;
  readonly frontMs: number;
  readonly encodeMs: number;
  /** Where the codec ran: on a GPU what crosses never was in the page's memory as it was, unless it says `elements`. */
  readonly encodedOn: 'cpu' | 'gpu' | 'gpu, elements read';
}
