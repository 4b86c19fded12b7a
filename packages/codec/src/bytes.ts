import { CutpointError } from '@cutpoint/core';

/** From so many bytes on an array is kept as it is until all is joined, so that it is copied once. */
const keptFrom = 1024;
/** Room that a writer begins with, and that one leaves to the next when it is done: making it takes as long as filling it. */
const roomBytes = 2048;
const spareRooms: Uint8Array<ArrayBuffer>[] = [];
/** A writer and one within it are at work at a time, as a rule. */
const mostSpareRooms = 4;
/** Bytes of a checksum. */
export const checksumBytes = 4;
const nothing = new Uint8Array(0);

/** Bytes that grow at the end, until they are taken. Numbers are little-endian. */
export class ByteWriter {
  /** What is before `#bytes`. */
  #parts: Uint8Array[] = [];
  #partsLength = 0;
  #room = spareRooms.pop() ?? new Uint8Array(roomBytes);
  #bytes = this.#room;
  #length = 0;

  get length(): number {
    return this.#partsLength + this.#length;
  }

  u8(value: number): void {
    this.#reserve(1);
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
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Takes all that was written, with so many bytes of 0 after it: the writer is empty then. */
  written(spare = 0): Uint8Array<ArrayBuffer> {
    const all = new Uint8Array(this.length + spare);
    let at = 0;
    this.#keep(this.#bytes.subarray(0, this.#length));
    for (const part of this.#parts) {
      all.set(part, at);
      at += part.length;
    }
    if (this.#room.length > 0 && spareRooms.length < mostSpareRooms) spareRooms.push(this.#room);
    this.#room = nothing;
    this.#bytes = nothing;
    this.#length = 0;
    this.#parts = [];
    this.#partsLength = 0;
    return all;
  }

  /** Takes all that was written, with four bytes behind it that hold its checksum. */
  sealed(checksum: (bytes: Uint8Array) => number): Uint8Array<ArrayBuffer> {
    const all = this.written(checksumBytes);
    const end = all.length - checksumBytes;
    new DataView(all.buffer).setUint32(end, checksum(all.subarray(0, end)), true);
    return all;
  }

  #keep(part: Uint8Array): void {
    this.#parts.push(part);
    this.#partsLength += part.length;
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const longer = new Uint8Array(Math.max(64, this.#bytes.length * 2, this.#length + more));
    longer.set(this.#bytes);
    this.#bytes = longer;
  }
}

/** Bytes that `varint` writes for a number. */
export function varintBytes(value: number): number {
  return value < 0x80 ? 1 : 1 + varintBytes(Math.floor(value / 0x80));
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

  /** How many bytes were read. */
  get at(): number {
    return this.#at;
  }

  u8(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw damaged('is cut short');
    this.#at++;
    return byte;
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
    return (this.u8() | (this.u8() << 8) | (this.u8() << 16) | (this.u8() << 24)) >>> 0;
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
