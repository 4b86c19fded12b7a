/** What a matrix is multiplied with, over a text: means of each column, and some rows as they are. */
export class InputStatistics {
  readonly #sizes: Float64Array;
  readonly #squares: Float64Array;
  readonly #sample: Float32Array<ArrayBuffer>;
  readonly #stride: number;
  #rows = 0;
  #sampled = 0;

  /** @param sampleRows kept as they are, at most, evenly from `totalRows`. */
  constructor(
    readonly columns: number,
    totalRows: number,
    sampleRows: number,
  ) {
    this.#sizes = new Float64Array(columns);
    this.#squares = new Float64Array(columns);
    this.#stride = Math.max(1, Math.ceil(totalRows / sampleRows));
    this.#sample = new Float32Array(Math.ceil(totalRows / this.#stride) * columns);
  }

  /** Takes whole rows. */
  add(values: Float32Array): void {
    for (let from = 0; from < values.length; from += this.columns) {
      const row = values.subarray(from, from + this.columns);
      for (const [column, value] of row.entries()) {
        this.#sizes[column] = (this.#sizes[column] ?? 0) + Math.abs(value);
        this.#squares[column] = (this.#squares[column] ?? 0) + value * value;
      }
      if (this.#rows % this.#stride === 0) this.#sample.set(row, this.#sampled++ * this.columns);
      this.#rows += 1;
    }
  }

  /** Mean of |x|, by column. */
  get meanSizes(): Float32Array<ArrayBuffer> {
    return Float32Array.from(this.#sizes, (sum) => sum / this.#rows);
  }

  /** Mean of x^2, by column. */
  get meanSquares(): Float32Array<ArrayBuffer> {
    return Float32Array.from(this.#squares, (sum) => sum / this.#rows);
  }

  /** [rows, columns]. */
  get sample(): Float32Array<ArrayBuffer> {
    return this.#sample.subarray(0, this.#sampled * this.columns);
  }
}
