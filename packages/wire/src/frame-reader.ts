import { asCutpointError, CutpointError, type NamedTensors, type Tensor } from '@cutpoint/core';
import { Unpackr } from 'msgpackr';
import { type FixedPart, type FrameType, fixedBytes, padded, readFixed } from './frame-format.js';
import { checkMsgpack } from './msgpack-check.js';
import { parseTensorList, type TensorEntry } from './tensor-list.js';

/** A frame as it arrived. `fields` is plain data whose contents are still to be checked. */
export interface Frame {
  readonly type: FrameType;
  readonly id: number;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly tensors: NamedTensors;
  readonly bytes: number;
  /** Time spent on making the frame of its bytes, without waiting for them. */
  readonly decodeUs: number;
}

/** What a reader accepts at the moment. */
export interface FrameLimits {
  readonly maxFrameBytes: number;
  readonly maxHeaderBytes: number;
  readonly maxTensors: number;
}

const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: 'number' });
const none = new Uint8Array(0);

/**
 * Makes frames of a stream of bytes, however it is chopped into chunks. Each payload is copied once, into a buffer that
 * nothing else uses (so that it can be transferred to a worker), allocated only after every limit has been checked.
 */
export class FrameReader {
  limits: FrameLimits;
  readonly #onFrame: (frame: Frame) => void;
  #chunk: Uint8Array = none;
  #at = 0;
  /** Bytes of a header that no single chunk holds. */
  #partial: Uint8Array | undefined;
  #partialLength = 0;
  #fixed: FixedPart | undefined;
  #body: Body | undefined;
  #pushedAt = 0;
  #spentMs = 0;

  constructor(limits: FrameLimits, onFrame: (frame: Frame) => void) {
    this.limits = limits;
    this.#onFrame = onFrame;
  }

  /**
   * Takes the next bytes; the chunk may be reused afterwards.
   * @throws CutpointError CUT_WIRE_MALFORMED, CUT_WIRE_TOO_LARGE or CUT_WIRE_VERSION; the stream is then lost.
   */
  push(chunk: Uint8Array): void {
    this.#chunk = chunk;
    this.#at = 0;
    this.#pushedAt = performance.now();
    while (this.#step());
    this.#chunk = none;
    this.#spentMs = this.#fixed === undefined ? 0 : this.#spentMs + performance.now() - this.#pushedAt;
  }

  /** Does one step with the bytes at hand; false when more are needed. */
  #step(): boolean {
    if (this.#fixed === undefined) {
      const bytes = this.#gather(fixedBytes);
      if (bytes === undefined) return false;
      const fixed = readFixed(bytes);
      this.#checkLengths(fixed);
      this.#fixed = fixed;
    }
    if (this.#body === undefined) {
      const bytes = this.#gather(padded(this.#fixed.headerBytes));
      if (bytes === undefined) return false;
      this.#body = this.#readHeader(this.#fixed, bytes.subarray(0, this.#fixed.headerBytes));
    }
    if (!this.#readPayloads(this.#body)) return false;
    const { type, id } = this.#fixed;
    const { fields, tensors, bytes } = this.#body;
    this.#fixed = undefined;
    this.#body = undefined;
    const decodeUs = (this.#spentMs + performance.now() - this.#pushedAt) * 1000;
    this.#onFrame({ type, id, fields, tensors, bytes, decodeUs });
    this.#spentMs = 0;
    this.#pushedAt = performance.now();
    return this.#at < this.#chunk.length;
  }

  #checkLengths({ headerBytes, payloadBytes }: FixedPart): void {
    const { maxHeaderBytes, maxFrameBytes } = this.limits;
    const bytes = fixedBytes + padded(headerBytes) + payloadBytes;
    if (headerBytes <= maxHeaderBytes && bytes <= maxFrameBytes) return;
    throw new CutpointError(
      'CUT_WIRE_TOO_LARGE',
      `A frame of ${bytes} bytes with a header of ${headerBytes} exceeds the limits of ${maxFrameBytes} and ${maxHeaderBytes}.`,
    );
  }

  #readHeader({ headerBytes, payloadBytes }: FixedPart, header: Uint8Array): Body {
    const fields = decodeHeader(header);
    const entries = parseTensorList(fields.tensors, payloadBytes, this.limits.maxTensors);
    return new Body(fields, entries, fixedBytes + padded(headerBytes) + payloadBytes);
  }

  #readPayloads(body: Body): boolean {
    for (let payload = body.current(); payload !== undefined; payload = body.current()) {
      const { entry, data } = payload;
      const length = Math.min(entry.bytes - body.filled, this.#chunk.length - this.#at);
      if (length > 0) {
        data.set(this.#chunk.subarray(this.#at, this.#at + length), body.filled);
        this.#at += length;
        body.filled += length;
      }
      if (body.filled < entry.bytes) return false;
      if (this.#gather(padded(entry.bytes) - entry.bytes) === undefined) return false;
      body.finish();
    }
    return true;
  }

  /** The next `length` bytes: in place where one chunk holds them, else copied together; undefined until all are there. */
  #gather(length: number): Uint8Array | undefined {
    const available = this.#chunk.length - this.#at;
    if (this.#partial === undefined) {
      if (available >= length) {
        this.#at += length;
        return this.#chunk.subarray(this.#at - length, this.#at);
      }
      this.#partial = new Uint8Array(length);
      this.#partialLength = 0;
    }
    const take = Math.min(length - this.#partialLength, available);
    this.#partial.set(this.#chunk.subarray(this.#at, this.#at + take), this.#partialLength);
    this.#at += take;
    this.#partialLength += take;
    if (this.#partialLength < length) return undefined;
    const whole = this.#partial;
    this.#partial = undefined;
    return whole;
  }
}

/** The payloads of the frame being read. */
class Body {
  readonly tensors = new Map<string, Tensor>();
  filled = 0;
  #index = 0;
  #payload: { entry: TensorEntry; data: Uint8Array<ArrayBuffer> } | undefined;

  constructor(
    readonly fields: Readonly<Record<string, unknown>>,
    readonly entries: readonly TensorEntry[],
    readonly bytes: number,
  ) {}

  /** The payload being filled; memory is taken when its first byte is due, not when the frame begins. */
  current(): { entry: TensorEntry; data: Uint8Array<ArrayBuffer> } | undefined {
    const entry = this.entries[this.#index];
    if (this.#payload === undefined && entry !== undefined) this.#payload = { entry, data: allocate(entry.bytes) };
    return this.#payload;
  }

  finish(): void {
    if (this.#payload === undefined) return;
    const { entry, data } = this.#payload;
    this.tensors.set(entry.name, { dtype: entry.dtype, shape: entry.shape, data });
    this.#payload = undefined;
    this.#index++;
    this.filled = 0;
  }
}

/** Memory of its own that is not cleared first: every byte of it will be overwritten. */
function allocate(bytes: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.allocUnsafeSlow(bytes).buffer as ArrayBuffer);
}

function decodeHeader(header: Uint8Array): Record<string, unknown> {
  checkMsgpack(header);
  let decoded: unknown;
  try {
    decoded = unpackr.unpack(header);
  } catch (thrown) {
    throw asCutpointError(thrown, 'CUT_WIRE_MALFORMED', 'A frame header cannot be decoded');
  }
  if (typeof decoded === 'object' && decoded !== null && !Array.isArray(decoded)) {
    return decoded as Record<string, unknown>;
  }
  throw new CutpointError('CUT_WIRE_MALFORMED', 'A frame header is not a map.');
}
