/** A running mean with its standard error (B. P. Welford, Technometrics 4(3), 1962). */
export class Mean {
  #count = 0;
  #sum = 0;
  #squares = 0;

  add(value: number): void {
    const before = this.#count === 0 ? value : this.mean;
    this.#count += 1;
    this.#sum += value;
    this.#squares += (value - before) * (value - this.mean);
  }

  get count(): number {
    return this.#count;
  }

  /** NaN of nothing. */
  get mean(): number {
    return this.#sum / this.#count;
  }

  /** Of the mean; NaN with less than two values. */
  get stderr(): number {
    if (this.#count < 2) return Number.NaN;
    return Math.sqrt(this.#squares / (this.#count - 1) / this.#count);
  }
}
