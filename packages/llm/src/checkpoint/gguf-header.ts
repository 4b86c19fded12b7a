import { CutpointError } from '@cutpoint/core';
import type { SourceFile } from './source-file.js';

/** A value of the metadata. 64-bit integers are numbers here; none that matters is beyond 2^53. */
export type GgufValue = number | boolean | string | readonly GgufValue[];

/** A tensor as the file lists it; `shape` has rows first, the file the other way round. */
export interface GgufTensor {
  readonly name: string;
  /** ggml's number of the element type. */
  readonly type: number;
  readonly shape: readonly number[];
  /** From the start of the file. */
  readonly offset: number;
}

export interface GgufHeader {
  readonly metadata: ReadonlyMap<string, GgufValue>;
  readonly tensors: readonly GgufTensor[];
}

/**
 * Beyond any file that there is: the largest vocabularies have 260,000 tokens and as many merges, in 20 MB. The elements are those
 * of all arrays together, as each takes far more memory than its bytes.
 */
const limits = { values: 4096, tensors: 65_536, elements: 4_000_000, stringBytes: 4_000_000, headerBytes: 256e6 };
const chunkBytes = 1 << 20;

/**
 * Reads the header of a GGUF file of version 2 or 3
 * (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md): metadata and where tensors lie.
 * @throws CutpointError CUT_CHECKPOINT
 */
export async function readGgufHeader(file: SourceFile): Promise<GgufHeader> {
  const reader = new HeaderReader(file);
  const magic = await reader.u32();
  const version = await reader.u32();
  if (magic !== 0x46554747) throw reader.fault('it does not begin with "GGUF"');
  if (version !== 2 && version !== 3) throw reader.fault(`its version is ${version}, not 2 or 3 (little-endian)`);
  const tensorCount = await reader.count(limits.tensors, 'tensors');
  const valueCount = await reader.count(limits.values, 'values of metadata');
  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < valueCount; i++) {
    const key = await reader.text();
    metadata.set(key, await readValue(reader, await reader.u32(), 0));
  }
  const listed: GgufTensor[] = [];
  for (let i = 0; i < tensorCount; i++) listed.push(await readTensor(reader));
  const alignment = metadata.get('general.alignment') ?? 32;
  if (typeof alignment !== 'number' || !(alignment >= 1 && alignment <= 1 << 20)) {
    throw reader.fault(`its alignment is ${String(alignment)}`);
  }
  const start = Math.ceil(reader.position / alignment) * alignment;
  return { metadata, tensors: listed.map((tensor) => ({ ...tensor, offset: start + tensor.offset })) };
}

async function readTensor(reader: HeaderReader): Promise<GgufTensor> {
  const name = await reader.text();
  const dims = await reader.u32();
  if (dims < 1 || dims > 4) throw reader.fault(`tensor ${name} has ${dims} dimensions`);
  const shape: number[] = [];
  for (let i = 0; i < dims; i++) shape.unshift(await reader.u64());
  return { name, shape, type: await reader.u32(), offset: await reader.u64() };
}

async function readValue(reader: HeaderReader, type: number, depth: number): Promise<GgufValue> {
  if (type === 8) return await reader.text();
  if (type === 7) return (await reader.number(0)) !== 0;
  if (type !== 9) return await reader.number(type);
  if (depth > 1) throw reader.fault('it holds arrays of arrays of arrays');
  const elementType = await reader.u32();
  const length = await reader.elements();
  const values: GgufValue[] = [];
  for (let i = 0; i < length; i++) values.push(await readValue(reader, elementType, depth + 1));
  return values;
}

/** Size of each type of number and how it is read. */
const numberTypes: Readonly<Record<number, readonly [bytes: number, read: (view: DataView, at: number) => number]>> = {
  0: [1, (view, at) => view.getUint8(at)],
  1: [1, (view, at) => view.getInt8(at)],
  2: [2, (view, at) => view.getUint16(at, true)],
  3: [2, (view, at) => view.getInt16(at, true)],
  4: [4, (view, at) => view.getUint32(at, true)],
  5: [4, (view, at) => view.getInt32(at, true)],
  6: [4, (view, at) => view.getFloat32(at, true)],
  10: [8, (view, at) => Number(view.getBigUint64(at, true))],
  11: [8, (view, at) => Number(view.getBigInt64(at, true))],
  12: [8, (view, at) => view.getFloat64(at, true)],
};

/** Reads a header from front to back, a chunk of the file at a time. */
class HeaderReader {
  readonly #file: SourceFile;
  #chunk = new Uint8Array(0);
  #view = new DataView(this.#chunk.buffer);
  /** Within the chunk. */
  #at = 0;
  #elementsLeft = limits.elements;
  #chunkStart = 0;

  constructor(file: SourceFile) {
    this.#file = file;
  }

  get position(): number {
    return this.#chunkStart + this.#at;
  }

  fault(what: string): CutpointError {
    return new CutpointError('CUT_CHECKPOINT', `${this.#file.path} is not a GGUF file that can be read: ${what}.`);
  }

  async number(type: number): Promise<number> {
    const found = numberTypes[type];
    if (found === undefined) throw this.fault(`it holds values of the unknown type ${type}`);
    const [bytes, read] = found;
    const at = this.#chunk.length - this.#at >= bytes ? this.#at : await this.#need(bytes);
    this.#at = at + bytes;
    return read(this.#view, at);
  }

  u32(): Promise<number> {
    return this.number(4);
  }

  u64(): Promise<number> {
    return this.number(10);
  }

  /** A length, of which no more than `most` are believed. */
  async count(most: number, what: string): Promise<number> {
    const count = await this.u64();
    if (count > most) throw this.fault(`it claims ${count} ${what}`);
    return count;
  }

  /** The length of an array. */
  async elements(): Promise<number> {
    const length = await this.count(this.#elementsLeft, 'elements of an array');
    this.#elementsLeft -= length;
    return length;
  }

  async text(): Promise<string> {
    const length = await this.count(limits.stringBytes, 'bytes of a text');
    const at = this.#chunk.length - this.#at >= length ? this.#at : await this.#need(length);
    this.#at = at + length;
    return decoder.decode(this.#chunk.subarray(at, at + length));
  }

  /** Makes sure that so many bytes are in the chunk, and returns where they begin. */
  async #need(bytes: number): Promise<number> {
    const start = this.position;
    if (start + bytes > Math.min(this.#file.bytes, limits.headerBytes)) throw this.fault('it ends within its header');
    const length = Math.min(Math.max(bytes, chunkBytes), this.#file.bytes - start);
    this.#chunk = await this.#file.read(start, length);
    this.#view = new DataView(this.#chunk.buffer);
    this.#chunkStart = start;
    this.#at = 0;
    return 0;
  }
}

const decoder = new TextDecoder();
