import type { ByteReader, ByteWriter } from '../bytes.js';
import type { SymbolLayout } from '../entropy/layout.js';
import type { SymbolCoder } from '../symbol-coder.js';

/** How bytes lie for an entropy coder: those at the same place of a record are alike, and near records resemble each other. */
export interface Records {
  /** Bytes of a record. */
  readonly bytes: number;
  /** How many records before each the one above it lies, 1 where nothing is above. */
  readonly row: number;
}

function layoutOf(count: number, { bytes, row }: Records): SymbolLayout {
  return { count, alphabet: 256, classes: bytes, left: bytes, up: bytes * row };
}

/** Writes bytes as they are, or coded, after their length. */
export function writeBytes(out: ByteWriter, bytes: Uint8Array, records: Records, coder: SymbolCoder | undefined): void {
  if (coder === undefined || bytes.length === 0) {
    out.bytes(bytes);
    return;
  }
  const coded = coder.encode(bytes, layoutOf(bytes.length, records));
  out.varint(coded.length);
  out.bytes(coded);
}

/** The `count` bytes that `writeBytes` wrote; a view where they were not coded. */
export function readBytes(
  body: ByteReader,
  count: number,
  records: Records,
  coder: SymbolCoder | undefined,
): Uint8Array {
  if (coder === undefined || count === 0) return body.bytes(count);
  const coded = body.bytes(body.varint(body.left));
  return coder.decode(coded, layoutOf(count, records));
}
