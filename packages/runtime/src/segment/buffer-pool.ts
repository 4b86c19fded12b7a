/**
 * Keeps buffers for the next copies of the same sizes. Without it each call takes fresh memory for its inputs, which costs
 * page faults, and the garbage makes V8 mark its whole heap every few dozen calls.
 */
export class BufferPool {
  readonly #free = new Map<number, ArrayBuffer[]>();

  /** @param perSize how many buffers of one size are kept: as many as can be in use at once. */
  constructor(private readonly perSize: number) {}

  /** A copy of the bytes in a buffer of its own. */
  copy(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
    const kept = this.#free.get(bytes.byteLength);
    const buffer = kept?.pop();
    if (kept === undefined) this.#free.set(bytes.byteLength, []);
    if (buffer === undefined) return new Uint8Array(bytes);
    const copy = new Uint8Array(buffer);
    copy.set(bytes);
    return copy;
  }

  /** Takes a buffer back that nobody else uses; it is kept if copies of its size were made and there is room. */
  giveBack({ buffer }: Uint8Array<ArrayBuffer>): void {
    const kept = this.#free.get(buffer.byteLength);
    if (kept !== undefined && kept.length < this.perSize) kept.push(buffer);
  }
}
