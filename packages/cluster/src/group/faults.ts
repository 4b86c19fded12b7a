/** Ranks that did what no rank may, in memory that two threads see: the others are better off without them. */
export class Faults {
  readonly #shared: Uint8Array<SharedArrayBuffer>;

  /** @param memory from `Faults.memory`. */
  constructor(memory: SharedArrayBuffer) {
    this.#shared = new Uint8Array(memory);
  }

  static memory(ranks: number): SharedArrayBuffer {
    return new SharedArrayBuffer(ranks);
  }

  blame(rank: number): void {
    this.#shared[rank] = 1;
  }

  /** The ranks that are to blame, rising. */
  read(): number[] {
    return Array.from(this.#shared, (blamed, rank) => (blamed === 1 ? rank : -1)).filter((rank) => rank >= 0);
  }
}
