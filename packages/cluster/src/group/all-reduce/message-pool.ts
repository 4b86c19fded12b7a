/** Memory of messages, used again and again: as many as are under way at a time. */
export class MessagePool {
  readonly #free: ArrayBuffer[] = [];

  take(bytes: number): Uint8Array<ArrayBuffer> {
    const at = this.#free.findIndex(({ byteLength }) => byteLength >= bytes && byteLength <= roomFor(bytes));
    const [buffer] = at < 0 ? [new ArrayBuffer(roomFor(bytes))] : this.#free.splice(at, 1);
    return new Uint8Array(buffer ?? new ArrayBuffer(bytes), 0, bytes);
  }

  give(message: Uint8Array<ArrayBuffer>): void {
    this.#free.unshift(message.buffer);
    this.#free.length = Math.min(this.#free.length, mostFree);
  }
}

const mostFree = 128;

/** The next power of two, so that messages of about the same size share their memory. */
function roomFor(bytes: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(64, bytes)));
}
