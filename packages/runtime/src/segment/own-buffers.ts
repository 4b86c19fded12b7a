import type { BufferPool } from './buffer-pool.js';

/**
 * Makes byte arrays whose buffers the caller of this function owns. With `transfer`, an array that spans its buffer gives
 * it away (its owner then sees it empty); all others are copied, also a second view of a buffer that was given away.
 */
export function ownBuffers(
  arrays: readonly Uint8Array<ArrayBuffer>[],
  transfer: boolean,
  pool: BufferPool,
): Uint8Array<ArrayBuffer>[] {
  if (!transfer) return arrays.map((array) => pool.copy(array));
  const given = new Map<ArrayBuffer, number>();
  arrays.forEach((array, i) => {
    if (array.byteLength === array.buffer.byteLength && !given.has(array.buffer)) given.set(array.buffer, i);
  });
  // Copy first: a buffer that is given away cannot be read any more.
  const copies = arrays.map((array, i) => (given.get(array.buffer) === i ? array : pool.copy(array)));
  return copies.map((array, i) => (given.get(array.buffer) === i ? detached(array) : array));
}

function detached(array: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(structuredClone(array.buffer, { transfer: [array.buffer] }));
  } catch (thrown) {
    // Some buffers cannot be given away, WebAssembly memory for one.
    if (thrown instanceof DOMException && thrown.name === 'DataCloneError') return new Uint8Array(array);
    throw thrown;
  }
}
