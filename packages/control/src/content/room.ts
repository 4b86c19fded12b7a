/** A file that has to go. */
export interface Gone {
  readonly hash: string;
  /** It was never whole. */
  readonly partial: boolean;
}

/** A file, and how many use it. */
export interface Entry {
  readonly bytes: number;
  holds: number;
}

/** The books of a store: what lies there, what is in use, and what goes when room is needed. Touches no disk. */
export class Room {
  readonly maxBytes: number;
  /** The least recently used first. */
  readonly #files = new Map<string, Entry>();
  /** Left behind by a cut, to be resumed; the oldest first. */
  readonly #partials = new Map<string, number>();
  /** For what is on its way. */
  #reservedBytes = 0;
  #storedBytes = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  get usedBytes(): number {
    return this.#storedBytes + this.#reservedBytes;
  }

  /** The most that could be reserved now. */
  get mostBytes(): number {
    const held = [...this.#files.values()].reduce((sum, { bytes, holds }) => sum + (holds > 0 ? bytes : 0), 0);
    return Math.max(0, this.maxBytes - this.#reservedBytes - held);
  }

  addFile(hash: string, bytes: number): void {
    const known = this.#files.get(hash);
    if (known !== undefined) {
      this.#files.delete(hash);
      this.#files.set(hash, known);
      return;
    }
    this.#storedBytes += bytes;
    this.#files.set(hash, { bytes, holds: 0 });
  }

  addPartial(hash: string, bytes: number): void {
    if (bytes === 0) return;
    this.#storedBytes += bytes;
    this.#partials.set(hash, bytes);
  }

  /** Bytes of a partial file, which from now on are part of what is reserved for it. */
  takePartial(hash: string): number {
    const bytes = this.#partials.get(hash) ?? 0;
    this.#partials.delete(hash);
    this.#storedBytes -= bytes;
    return bytes;
  }

  /** The file, to be released later; undefined if it is not there. */
  hold(hash: string): Entry | undefined {
    const entry = this.#files.get(hash);
    if (entry === undefined) return undefined;
    this.#files.delete(hash);
    this.#files.set(hash, entry);
    entry.holds += 1;
    return entry;
  }

  /** By entry, as another file may have come under the same name since. */
  release(entry: Entry): void {
    entry.holds -= 1;
  }

  /** The file turned out to be broken. */
  forget(hash: string): void {
    const entry = this.#files.get(hash);
    if (entry === undefined) return;
    this.#files.delete(hash);
    this.#storedBytes -= entry.bytes;
  }

  /** What must go so that this fits; undefined if it cannot, and then nothing changes. */
  reserve(bytes: number): Gone[] | undefined {
    const gone = this.takeFor(this.usedBytes + bytes - this.maxBytes);
    if (gone !== undefined) this.#reservedBytes += bytes;
    return gone;
  }

  unreserve(bytes: number): void {
    this.#reservedBytes -= bytes;
  }

  /** Takes out as much as gives so many bytes; undefined if that much is not idle, and then nothing changes. */
  takeFor(bytes: number): Gone[] | undefined {
    const gone: Gone[] = [];
    let freed = 0;
    for (const { hash, partial, bytes: size } of this.#idle()) {
      if (freed >= bytes) break;
      gone.push({ hash, partial });
      freed += size;
    }
    if (freed < bytes) return undefined;
    this.#take(gone);
    return gone;
  }

  /** What must go because a former run was allowed more; all that is idle if even that is not enough. */
  takeOverLimit(): Gone[] {
    return this.takeFor(this.usedBytes - this.maxBytes) ?? this.takeIdle();
  }

  takeIdle(): Gone[] {
    const gone = [...this.#idle()].map(({ hash, partial }) => ({ hash, partial }));
    this.#take(gone);
    return gone;
  }

  /** What may go, in the order in which it should: what is not whole yet helps nobody. */
  *#idle(): Generator<Gone & { bytes: number }> {
    for (const [hash, bytes] of this.#partials) yield { hash, partial: true, bytes };
    for (const [hash, { bytes, holds }] of this.#files) if (holds === 0) yield { hash, partial: false, bytes };
  }

  #take(gone: readonly Gone[]): void {
    for (const { hash, partial } of gone) {
      if (partial) this.takePartial(hash);
      else this.forget(hash);
    }
  }
}
