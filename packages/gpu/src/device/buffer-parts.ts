/** A part of a buffer and where it is copied to, in bytes. */
export interface BufferSpan {
  readonly from: number;
  readonly to: number;
  readonly bytes: number;
}

/** A part of a buffer, in bytes; multiples of 4. */
export interface BufferPart {
  readonly buffer: GPUBuffer;
  readonly from: number;
  readonly bytes: number;
}

/** And where it is copied to. */
export interface CopiedPart extends BufferPart {
  readonly to: number;
}

/** What a buffer begins with, or how long it is. */
export type BufferContents = ArrayBufferView | { readonly bytes: number };

/** Buffers by name, which are freed together. */
export type BufferSet<Names extends string> = Readonly<Record<Names, GPUBuffer>> & Disposable;
