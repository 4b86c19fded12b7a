/** How often silence is counted. */
const beatMs = 250;
/** A thread that did not count for so long computes, and its links may have brought what it did not read yet. */
const stillMs = 3 * beatMs;

/**
 * How long each other rank has been silent while this one waited for it and did nothing else, in memory that two threads see.
 * Time in which the thread computes does not count: it reads nothing then.
 */
export class Silences {
  /** By rank in ms; then when silence was counted last. */
  readonly #shared: Float64Array<SharedArrayBuffer>;
  readonly #awaited = new Map<number, { heard: boolean }>();

  /** @param memory from `Silences.memory`. */
  constructor(memory: SharedArrayBuffer) {
    this.#shared = new Float64Array(memory);
  }

  static memory(ranks: number): SharedArrayBuffer {
    return new SharedArrayBuffer((ranks + 1) * Float64Array.BYTES_PER_ELEMENT);
  }

  /** Begins to count, in the thread that owns the links and for as long as that lives. */
  begin(): void {
    setInterval(() => this.#count(), beatMs).unref();
  }

  await(rank: number): void {
    this.#awaited.set(rank, { heard: true });
  }

  hear(rank: number): void {
    const awaited = this.#awaited.get(rank);
    if (awaited !== undefined) awaited.heard = true;
  }

  rest(rank: number): void {
    this.#awaited.delete(rank);
  }

  /** By rank in ms, 0 for those that are not waited for; all 0 while the thread computes. */
  read(): number[] {
    const silent = Array.from(this.#shared);
    const countedAt = silent.pop() ?? 0;
    return Date.now() - countedAt > stillMs ? silent.map(() => 0) : silent;
  }

  #count(): void {
    const ranks = this.#shared.length - 1;
    for (let rank = 0; rank < ranks; rank++) {
      const awaited = this.#awaited.get(rank);
      const counts = awaited !== undefined && !awaited.heard;
      this.#shared[rank] = counts ? (this.#shared[rank] ?? 0) + beatMs : 0;
      if (awaited !== undefined) awaited.heard = false;
    }
    this.#shared[ranks] = Date.now();
  }
}
