import type { NamedTensors } from '@cutpoint/core';

/** What the page asks of a worker that holds a segment; each is answered by one `FromSegmentWorker` of the same number. */
export type ToSegmentWorker = { readonly id: number } & (
  | {
      readonly kind: 'load';
      readonly model: Uint8Array /** Where onnxruntime-web's files are. */;
      readonly runtime: string;
    }
  | { readonly kind: 'run'; readonly inputs: NamedTensors }
);

export type FromSegmentWorker = { readonly id: number } & (
  | { readonly kind: 'loaded'; readonly threads: number }
  | { readonly kind: 'ran'; readonly outputs: NamedTensors; readonly ms: number }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }
);
