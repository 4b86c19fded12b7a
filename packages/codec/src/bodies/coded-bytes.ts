import type { ByteReader, ByteWriter } from '../bytes.js';
import type { SymbolCoder } from '../symbol-coder.js';

/** How bytes are laid out for an entropy coder: bytes at the same place of a record of `record` bytes are alike. */
function layoutOf(count: number, record: number) {
  if (record === 1) return { count, alphabet: 256 };
  return {
    count,
    alphabet: 256,
    contexts: record,
    contextOf: Uint16Array.from({ length: count }, (_, i) => i % record),
  };
}

/** Writes bytes as they are, or coded, after their length. */
export function writeBytes(out: ByteWriter, bytes: Uint8Array, record: number, coder: SymbolCoder | undefined): void {
  if (coder === undefined || bytes.length === 0) {
    out.bytes(bytes);
    return;
  }
  const coded = coder.encode(bytes, layoutOf(bytes.length, record));
  out.varint(coded.length);
  out.bytes(coded);
}

/** The `count` bytes that `writeBytes` wrote; a view where they were not coded. */
export function readBytes(body: ByteReader, count: number, record: number, coder: SymbolCoder | undefined): Uint8Array {
  if (coder === undefined || count === 0) return body.bytes(count);
  const coded = body.bytes(body.varint(body.left));
  return coder.decode(coded, layoutOf(count, record));
}
