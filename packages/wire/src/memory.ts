/**
 * Memory for bytes that will all be written: where the platform can, it is not cleared first. It may share its ArrayBuffer with
 * others.
 */
export const uncleared: (bytes: number) => Uint8Array =
  typeof Buffer === 'undefined' ? (bytes) => new Uint8Array(bytes) : (bytes) => Buffer.allocUnsafe(bytes);

/** The same with an ArrayBuffer of its own, which may be transferred. */
export const unclearedAlone: (bytes: number) => Uint8Array<ArrayBuffer> =
  typeof Buffer === 'undefined'
    ? (bytes) => new Uint8Array(bytes)
    : (bytes) => new Uint8Array(Buffer.allocUnsafeSlow(bytes).buffer as ArrayBuffer);

/** The pieces one after another, copied. */
export function joinBytes(pieces: readonly Uint8Array[]): Uint8Array {
  const joined = uncleared(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    joined.set(piece, at);
    at += piece.length;
  }
  return joined;
}
