import { type Kernels, openKernels } from '@cutpoint/codec';
import { decodeBlocks, encodeBlocks, scalesBytes } from './blocks.js';
import type { Payload } from './rank-group.js';

export type Floats = Float32Array<ArrayBuffer>;

/** How values become the bytes of a message, and those values again. */
export interface PayloadCoder {
  /** What is read is what was carried, bit for bit. */
  readonly exact: boolean;
  bytesOf(count: number): number;
  encode(values: Floats, into: Uint8Array<ArrayBuffer>): void;
  /** @param bytes at a multiple of four. @returns an array of its own, or one over the bytes. */
  decode(bytes: Uint8Array<ArrayBuffer>, count: number): Floats;
}

const f32Coder: PayloadCoder = {
  exact: true,
  bytesOf: (count) => 4 * count,
  encode: (values, into) => into.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength)),
  decode: (bytes, count) => new Float32Array(bytes.buffer, bytes.byteOffset, count),
};

let kernels: Kernels | undefined;
function opened(): Kernels {
  kernels ??= openKernels();
  return kernels;
}

/** Numbers from 65,520 up become infinite. */
const f16Coder: PayloadCoder = {
  exact: false,
  bytesOf: (count) => 2 * count,
  encode: (values, into) => {
    opened().toHalves(values, new Uint16Array(into.buffer, into.byteOffset, values.length));
  },
  decode: (bytes, count) => {
    const values = new Float32Array(count);
    opened().fromHalves(new Uint16Array(bytes.buffer, bytes.byteOffset, count), values);
    return values;
  },
};

/** Scales as f32, block by block, then the codes. */
const i8Coder: PayloadCoder = {
  exact: false,
  bytesOf: (count) => scalesBytes(count) + count,
  encode: (values, into) => encodeBlocks(values, scalesIn(into, values.length), codesIn(into, values.length)),
  decode: (bytes, count) => {
    const values = new Float32Array(count);
    decodeBlocks(scalesIn(bytes, count), codesIn(bytes, count), values);
    return values;
  },
};

function scalesIn({ buffer, byteOffset }: Uint8Array<ArrayBuffer>, count: number): Floats {
  return new Float32Array(buffer, byteOffset, scalesBytes(count) / 4);
}

function codesIn({ buffer, byteOffset }: Uint8Array<ArrayBuffer>, count: number): Int8Array {
  return new Int8Array(buffer, byteOffset + scalesBytes(count), count);
}

export const payloadCoders: Readonly<Record<Payload, PayloadCoder>> = { f32: f32Coder, f16: f16Coder, i8: i8Coder };
