const mostLines = 1000;
const mostCharacters = 512 * 1024;
const longestLine = 4096;

/** The last lines of a log, at most 1000 and half a million characters of them; a line that is too long is cut off. */
export class RecentLines {
  readonly #lines: string[] = [];
  #characters = 0;

  /** Takes one line, with or without its line end. */
  write(line: string): void {
    const kept = line.trimEnd().slice(0, longestLine);
    this.#lines.push(kept);
    this.#characters += kept.length;
    while (this.#lines.length > mostLines || this.#characters > mostCharacters) {
      this.#characters -= this.#lines.shift()?.length ?? 0;
    }
  }

  /** So many of the newest, the oldest of them first. */
  newest(count: number): readonly string[] {
    return count === 0 ? [] : this.#lines.slice(-count);
  }
}
