import type { Payload } from './rank-group.js';

export type Floats = Float32Array<ArrayBuffer>;

/** How values become the bytes of a message, and those values again. */
export interface PayloadCoder {
  bytesOf(count: number): number;
  encode(values: Floats, into: Uint8Array<ArrayBuffer>): void;
  /** @returns an array of its own, or one over the bytes, which are aligned for that. */
  decode(bytes: Uint8Array<ArrayBuffer>, count: number): Floats;
}

const f32Coder: PayloadCoder = {
  bytesOf: (count) => 4 * count,
  encode: (values, into) => into.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength)),
  decode: (bytes, count) => new Float32Array(bytes.buffer, bytes.byteOffset, count),
};

export const payloadCoders: Readonly<Record<Payload, PayloadCoder>> = { f32: f32Coder, f16: f32Coder, i8: f32Coder };
