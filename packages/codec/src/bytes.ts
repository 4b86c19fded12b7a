import { CutpointError } from '@cutpoint/core';

/** From so many bytes on an array is kept as it is until all is joined, so that it is copied once. */
const keptFrom = 256;

/** Bytes that grow at the end. Numbers are little-endian. */
export class ByteWriter {
  /** What is before `#bytes`. */
  readonly #parts: Uint8Array[] = [];
  #partsLength = 0;
  #bytes = new Uint8Array(64);
  #length = 0;

  get length(): number {
    return this.#partsLength + this.#length;
  }

  u8(value: number): void {
    this.#room(1);
    this.#bytes[this.#length++] = value;
  }

  /** A whole number from 0 to 2^53 - 1: seven bits a byte, lowest first, the top bit set on all but the last (LEB128). */
  varint(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.u8((rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    this.u8(rest);
  }

  /** The array must stay as it is until `written` is called. */
  bytes(bytes: Uint8Array): void {
    if (bytes.length >= keptFrom) {
      this.#keep(this.#bytes.subarray(0, this.#length));
      this.#keep(bytes);
      this.#bytes = this.#bytes.subarray(this.#length);
      this.#length = 0;
      return;
    }
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** All that was written, with so many bytes of 0 after it. */
  written(spare = 0): Uint8Array<ArrayBuffer> {
    const all = new Uint8Array(this.length + spare);
    let at = 0;
    for (const part of [...this.#parts, this.#bytes.subarray(0, this.#length)]) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  }

  #keep(part: Uint8Array): void {
    this.#parts.push(part);
    this.#partsLength += part.length;
  }

  #room(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const longer = new Uint8Array(Math.max(64, this.#bytes.length * 2, this.#length + more));
    longer.set(this.#bytes);
    this.#bytes = longer;
  }
}

/** Reads what `ByteWriter` wrote, never past the end. @throws CutpointError CUT_CODEC_PAYLOAD at the end of the bytes. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  u8(): number {
    return this.bytes(1)[0] ?? 0;
  }

  /** @throws CutpointError CUT_CODEC_PAYLOAD if the number is above `most`, or longer than it need be. */
  varint(most: number): number {
    let value = 0;
    let unit = 1;
    for (let i = 0; i < 8; i++) {
      const byte = this.u8();
      value += (byte & 0x7f) * unit;
      unit *= 0x80;
      if (byte >= 0x80) continue;
      if (value > most || (byte === 0 && i > 0)) break;
      return value;
    }
    throw damaged('holds a number that is too large');
  }

  u32(): number {
    const [a = 0, b = 0, c = 0, d = 0] = this.bytes(4);
    return ((d << 24) | (c << 16) | (b << 8) | a) >>> 0;
  }

  /** A view of the next bytes. */
  bytes(count: number): Uint8Array {
    if (count > this.left) throw damaged('is cut short');
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }

  /** @throws CutpointError CUT_CODEC_PAYLOAD if bytes are left. */
  end(): void {
    if (this.left > 0) throw damaged(`has ${this.left} bytes too many`);
  }
}

/** A payload that no encoder made. */
export function damaged(what: string): CutpointError {
  return new CutpointError('CUT_CODEC_PAYLOAD', `The payload of a tensor ${what}: send the tensor again.`);
}
