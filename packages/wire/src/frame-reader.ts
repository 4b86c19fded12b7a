import { CutpointError, type NamedTensors, type Tensor } from '@cutpoint/core';
import { briefHeadBytes, briefHeader, isBriefStart, readBrief } from './brief-frame.js';
import { type FixedPart, type FrameType, fixedBytes, padded, readFixed } from './frame-format.js';
import { type Header, HeaderDecoder } from './header-decoder.js';
import { unclearedAlone } from './memory.js';
import type { TensorEntry } from './tensor-list.js';

/** A frame as it arrived. `fields` is plain data whose contents are still to be checked. */
export interface Frame {
  readonly type: FrameType;
  readonly id: number;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly tensors: NamedTensors;
  readonly bytes: number;
  /** See `FixedPart`. */
  readonly timeMs: number;
  /** Time spent on making the frame of its bytes, without waiting for them. */
  readonly decodeUs: number;
  /** When that was done, on the clock of `performance.now()`. */
  readonly decodedAt: number;
}

/** What a reader accepts at the moment. */
export interface FrameLimits {
  readonly maxFrameBytes: number;
  readonly maxHeaderBytes: number;
  readonly maxTensors: number;
}

const none = new Uint8Array(0);
/** Less than this is not worth a read of its own. */
const minTargetBytes = 32 * 1024;

/**
 * Makes frames of a stream of bytes, however it is chopped into chunks. Each payload is copied once, into a buffer that
 * nothing else uses (so that it can be transferred to a worker), allocated only after every limit has been checked.
 */
export class FrameReader {
  limits: FrameLimits;
  readonly #onFrame: (frame: Frame) => void;
  readonly #headers = new HeaderDecoder();
  #chunk: Uint8Array = none;
  #at = 0;
  /** Nobody else uses the ArrayBuffer that the chunk is in. */
  #owned = false;
  /** Where in the chunk the current frame begins; negative if in an earlier one. */
  #frameAt = -1;
  /** Bytes of a header that no single chunk holds. */
  #partial: Uint8Array | undefined;
  #partialLength = 0;
  /** What was gathered last. */
  #bytes: Uint8Array = none;
  #from = 0;
  #fixed: FixedPart | undefined;
  /** The current frame is a brief one, without padding. */
  #brief = false;
  #body: Body | undefined;
  #pushedAt = 0;
  #spentMs = 0;

  constructor(limits: FrameLimits, onFrame: (frame: Frame) => void) {
    this.limits = limits;
    this.#onFrame = onFrame;
  }

  /**
   * Takes the next bytes. The ArrayBuffer of an `owned` chunk is nobody else's and may become the memory of a tensor.
   * @throws CutpointError CUT_WIRE_MALFORMED, CUT_WIRE_TOO_LARGE or CUT_WIRE_VERSION; the stream is then lost.
   */
  push(chunk: Uint8Array, owned: boolean): void {
    this.#chunk = chunk;
    this.#owned = owned;
    this.#at = 0;
    this.#frameAt = -1;
    this.#pushedAt = performance.now();
    while (this.#step());
    this.#chunk = this.#bytes = none;
    this.#spentMs = this.#fixed === undefined ? 0 : this.#spentMs + performance.now() - this.#pushedAt;
  }

  /** Memory of the payload under way that the next bytes of the stream may be read straight into; then call `filled`. */
  get target(): Uint8Array | undefined {
    const body = this.#body;
    const missing = (body?.current?.bytes ?? 0) - (body?.filled ?? 0);
    if (body === undefined || missing < minTargetBytes) return undefined;
    body.data ??= unclearedAlone(missing);
    return body.data.subarray(body.filled);
  }

  /** So many bytes were read into `target`. @throws CutpointError as `push` does. */
  filled(bytes: number): void {
    if (this.#body !== undefined) this.#body.filled += bytes;
    this.push(none, false);
  }

  /** Does one step with the bytes at hand; false when more are needed. */
  #step(): boolean {
    if (this.#fixed === undefined) {
      this.#fixed = this.#readFixed();
      if (this.#fixed === undefined) return false;
    }
    if (this.#body === undefined) {
      if (!this.#gather(this.#padded(this.#fixed.headerBytes))) return false;
      this.#body = this.#readHeader(this.#fixed);
    }
    if (!this.#readPayloads(this.#body)) return false;
    const { type, id, timeMs } = this.#fixed;
    const { tensors, bytes } = this.#body;
    const { fields } = this.#body.header;
    this.#fixed = undefined;
    this.#body = undefined;
    const decodedAt = performance.now();
    const decodeUs = (this.#spentMs + decodedAt - this.#pushedAt) * 1000;
    this.#onFrame({ type, id, fields, tensors, bytes, timeMs, decodeUs, decodedAt });
    this.#spentMs = 0;
    // The chunk may be a tensor by now, even one that was transferred and so has no length any more.
    if (this.#at >= this.#chunk.length) return false;
    this.#pushedAt = performance.now();
    return true;
  }

  /** What a frame begins with: its first byte tells how long that is. */
  #readFixed(): FixedPart | undefined {
    const first = this.#partial?.[0] ?? this.#chunk[this.#at];
    if (first === undefined) return undefined;
    this.#brief = isBriefStart(first);
    if (!this.#gather(this.#headBytes)) return undefined;
    this.#frameAt = this.#at - this.#headBytes;
    const fixed = this.#brief ? readBrief(this.#bytes, this.#from) : readFixed(this.#bytes, this.#from);
    this.#checkLengths(fixed);
    return fixed;
  }

  get #headBytes(): number {
    return this.#brief ? briefHeadBytes : fixedBytes;
  }

  /** A length with the padding that the current frame has behind it. */
  #padded(bytes: number): number {
    return this.#brief ? bytes : padded(bytes);
  }

  #checkLengths({ headerBytes, payloadBytes }: FixedPart): void {
    const { maxHeaderBytes, maxFrameBytes, maxTensors } = this.limits;
    const bytes = this.#headBytes + this.#padded(headerBytes) + payloadBytes;
    if (this.#brief && maxTensors === 0) {
      throw new CutpointError('CUT_WIRE_TOO_LARGE', 'A brief frame has a tensor; none is allowed yet.');
    }
    if (headerBytes <= maxHeaderBytes && bytes <= maxFrameBytes) return;
    throw new CutpointError(
      'CUT_WIRE_TOO_LARGE',
      `A frame of ${bytes} bytes with a header of ${headerBytes} exceeds the limits of ${maxFrameBytes} and ${maxHeaderBytes}.`,
    );
  }

  #readHeader(fixed: FixedPart): Body {
    const { type, headerBytes, payloadBytes } = fixed;
    const place = [this.#from, this.#from + headerBytes] as const;
    const { maxTensors } = this.limits;
    const header = this.#brief
      ? briefHeader(fixed, this.#bytes.subarray(...place))
      : this.#headers.decode(this.#bytes, place, { payloadBytes, maxTensors }, type === 'request');
    return new Body(header, this.#headBytes + this.#padded(headerBytes) + payloadBytes);
  }

  #readPayloads(body: Body): boolean {
    for (let entry = body.current; entry !== undefined; entry = body.current) {
      this.#adopt(body, entry);
      if (body.data === undefined && this.#chunk.length - this.#at >= entry.bytes) this.#copyWhole(body, entry);
      body.data ??= unclearedAlone(entry.bytes);
      const length = Math.min(entry.bytes - body.filled, this.#chunk.length - this.#at);
      if (length > 0) {
        body.data.set(this.#chunk.subarray(this.#at, this.#at + length), body.filled);
        this.#at += length;
        body.filled += length;
      }
      if (body.filled < entry.bytes) return false;
      if (!this.#gather(this.#padded(entry.bytes) - entry.bytes)) return false;
      body.finish(entry, body.data);
    }
    return true;
  }

  /** Takes the payload without a copy where the chunk ends with it and holds nothing else that will be used. */
  #adopt(body: Body, { bytes }: TensorEntry): void {
    const alone = this.#at === 0 || (this.#frameAt === 0 && body.index === 0);
    const rest = this.#chunk.length - this.#at;
    if (!this.#owned || !alone || body.data !== undefined || bytes === 0) return;
    if (rest !== bytes && rest !== this.#padded(bytes)) return;
    body.data = new Uint8Array(this.#chunk.buffer as ArrayBuffer, this.#chunk.byteOffset + this.#at, bytes);
    body.filled = bytes;
    this.#at += bytes;
  }

  /** Copies a payload that the chunk holds to its end: memory and copy in one go cost half as much. */
  #copyWhole(body: Body, { bytes }: TensorEntry): void {
    const { buffer, byteOffset } = this.#chunk;
    body.data = new Uint8Array(buffer as ArrayBuffer, byteOffset + this.#at, bytes).slice();
    body.filled = bytes;
    this.#at += bytes;
  }

  /**
   * Finds the next `length` bytes, from `#from` of `#bytes` on: in the chunk where it holds them all, else copied
   * together. False while they have not all arrived.
   */
  #gather(length: number): boolean {
    const available = this.#chunk.length - this.#at;
    if (this.#partial === undefined && available >= length) {
      this.#bytes = this.#chunk;
      this.#from = this.#at;
      this.#at += length;
      return true;
    }
    this.#partial ??= new Uint8Array(length);
    const take = Math.min(length - this.#partialLength, available);
    this.#partial.set(this.#chunk.subarray(this.#at, this.#at + take), this.#partialLength);
    this.#at += take;
    this.#partialLength += take;
    if (this.#partialLength < length) return false;
    this.#bytes = this.#partial;
    this.#from = 0;
    this.#partial = undefined;
    this.#partialLength = 0;
    return true;
  }
}

/** The payloads of the frame being read. */
class Body {
  readonly tensors = new Map<string, Tensor>();
  /** Of the current payload: its place in the list, its memory (taken when it is due, not when the frame begins). */
  index = 0;
  data: Uint8Array<ArrayBuffer> | undefined;
  filled = 0;

  constructor(
    readonly header: Header,
    readonly bytes: number,
  ) {}

  get current(): TensorEntry | undefined {
    return this.header.entries[this.index];
  }

  finish({ name, dtype, shape }: TensorEntry, data: Uint8Array<ArrayBuffer>): void {
    this.tensors.set(name, { dtype, shape, data });
    this.index++;
    this.data = undefined;
    this.filled = 0;
  }
}
