import { CutpointError, type Tensor, tensorOf } from '@cutpoint/core';
import { ByteReader, ByteWriter, damaged } from './bytes.js';
import type { Codec, CodecStream, DecodeLimits } from './codec.js';
import { isFloat, toF32 } from './floats.js';
import type { Kernels } from './kernels/kernels.js';
import { typescriptKernels } from './kernels/typescript.js';
import { type CodecResources, openCodec } from './registry.js';
import { parseSpec, printSpec } from './spec/spec.js';

/** What came of a tensor on both ends: what the next one is the difference to. */
interface Last {
  readonly number: number;
  readonly shape: readonly number[];
  readonly values: Float32Array<ArrayBuffer>;
}

/** Payload numbers go round: a receiver that missed this many at once cannot tell. */
const numbers = 2 ** 31;

/**
 * A stream of tensors by a spec. With the filter `delta`, f32 tensors travel as the difference to what the receiver made of
 * the tensor before, as long as shapes stay and all is finite; else whole. A payload is a varint of its number * 2, plus 1
 * if it is a difference, and then the payload of the codec behind the filter, its checksum mixed with that of the number. A stream of any other spec is its codec.
 * The error of a tensor is that of the codec for the difference, and two roundings to f32, of the difference and of the sum:
 * each is 2^-24 of the larger of the element and the one before it, so that a small element after a far larger one is
 * coarse. Errors do not add up, as both ends take the difference to the same tensor. Use one stream for each direction and end.
 * @throws CutpointError CUT_USAGE as `openCodec`; decoding throws CUT_CODEC_SYNC for a difference to a tensor that never
 *   arrived: the sender then has to `resynchronise`.
 */
export function openStream(text: string, resources: CodecResources = {}): CodecStream {
  const spec = parseSpec(text);
  const [first, ...filters] = spec.filters;
  if (first?.name !== 'delta') return withoutMemory(openCodec(text, resources));
  const codec = openCodec(printSpec({ ...spec, filters }), resources);
  return new DeltaStream(codec, resources.kernels ?? typescriptKernels);
}

function withoutMemory(codec: Codec): CodecStream {
  return {
    encode: (tensor) => codec.encode(tensor),
    decode: (payload, limits) => codec.decode(payload, limits),
    resynchronise: () => {},
  };
}

class DeltaStream implements CodecStream {
  readonly #codec: Codec;
  readonly #kernels: Kernels;
  #last: Last | undefined;
  #next = 0;

  constructor(codec: Codec, kernels: Kernels) {
    this.#codec = codec;
    this.#kernels = kernels;
  }

  encode(tensor: Tensor): Uint8Array<ArrayBuffer> {
    const number = this.#next;
    const against = this.#last;
    const change = against === undefined ? undefined : changeOf(tensor, against);
    const payload = this.#codec.encode(change ?? tensor);
    // What the receiver will have, not what is here: so that errors do not add up.
    const decoded = this.#codec.decode(payload, { maxElements: tensor.data.length });
    this.#last = this.#after(decoded, number, change === undefined ? undefined : against);
    this.#next = (number + 1) % numbers;
    const head = new ByteWriter();
    head.varint(number * 2 + (change === undefined ? 0 : 1));
    return this.#bound(head.written(), payload);
  }

  decode(payload: Uint8Array, limits: DecodeLimits): Tensor {
    const body = new ByteReader(payload);
    const head = body.varint(numbers * 2 - 1);
    const number = Math.floor(head / 2);
    const against = head % 2 === 1 ? this.#base(number) : undefined;
    const [headBytes, own] = [payload.subarray(0, payload.length - body.left), body.bytes(body.left)];
    const decoded = this.#codec.decode(this.#bound(headBytes, own).subarray(headBytes.length), limits);
    const last = this.#after(decoded, number, against);
    this.#last = last;
    return against === undefined || last === undefined ? decoded : tensorOf('f32', last.shape, last.values.slice());
  }

  resynchronise(): void {
    this.#last = undefined;
  }

  /**
   * A head and a payload, whose last four bytes, its checksum, are changed by the checksum of the head: so that a changed
   * head is noticed as well. Doing it twice undoes it.
   */
  #bound(head: Uint8Array, payload: Uint8Array): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(head.length + payload.length);
    bytes.set(head);
    bytes.set(payload, head.length);
    const sum = this.#kernels.checksum(head);
    for (let i = 0; i < 4 && payload.length >= 4; i++) {
      const at = bytes.length - 4 + i;
      bytes[at] = (bytes[at] ?? 0) ^ ((sum >>> (8 * i)) & 0xff);
    }
    return bytes;
  }

  /** What a difference of this number builds on. */
  #base(number: number): Last {
    const last = this.#last;
    if (last !== undefined && (last.number + 1) % numbers === number) return last;
    const message = `Tensor ${number} of a stream builds on the one before, which did not arrive: send it whole.`;
    throw new CutpointError('CUT_CODEC_SYNC', message);
  }

  #after(decoded: Tensor, number: number, against: Last | undefined): Last | undefined {
    if (decoded.dtype !== 'f32' || !isFloat(decoded)) {
      if (against !== undefined) throw damaged('is a difference of another type');
      return undefined;
    }
    const values = toF32(decoded, this.#kernels).slice();
    if (against !== undefined) {
      if (!sameShape(decoded.shape, against.shape)) throw damaged('is a difference of another shape');
      for (let i = 0; i < values.length; i++) values[i] = (against.values[i] ?? 0) + (values[i] ?? 0);
    }
    return { number, shape: decoded.shape, values };
  }
}

/** The difference in f32, or undefined where the tensor has to travel whole. */
function changeOf(tensor: Tensor, { shape, values }: Last): Tensor | undefined {
  if (tensor.dtype !== 'f32' || !isFloat(tensor) || !sameShape(tensor.shape, shape)) return undefined;
  const change = toF32(tensor, typescriptKernels).slice();
  for (let i = 0; i < change.length; i++) {
    const difference = Math.fround((change[i] ?? 0) - (values[i] ?? 0));
    if (!Number.isFinite(difference)) return undefined;
    change[i] = difference;
  }
  return tensorOf('f32', shape, change);
}

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((dim, i) => dim === b[i]);
}
