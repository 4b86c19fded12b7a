/** So many plans lie in a block, whose least costs are known. */
const blockSize = 16;
/** So many plans may lie behind the blocks before all are sorted again. */
const mostUnsorted = 128;
/** So many of the plans that have beaten others lately are asked first. */
const mostRecent = 64;

/** Costs of complete plans that are known already, none of them worse than another; what is worse cannot be on the front. */
export class KnownPlans {
  readonly #width: number;
  readonly #slack: number;
  /** Rows of costs: blocks of rows that are near one another, then those added since. A row that was beaten is infinite. */
  #rows: Float64Array;
  #size = 0;
  #sorted = 0;
  /** By block, the least of each column. */
  #least = new Float64Array(0);
  /** Copies of rows, those that beat most often first. */
  readonly #recent: Float64Array;
  #recentSize = 0;
  /** The costs asked about, times the slack. */
  readonly #scaled: Float64Array;

  /** `slack`: a factor within which a known plan counts as nowhere worse and better; 1 is exact. */
  constructor(width: number, slack = 1) {
    this.#width = width;
    this.#slack = slack;
    this.#rows = new Float64Array(256 * width);
    this.#recent = new Float64Array(mostRecent * width);
    this.#scaled = new Float64Array(width);
  }

  /** Like `beat`, but asks only the plans that have beaten others lately: those beat most of what is beaten at all. */
  beatLately(costs: Float64Array): boolean {
    const k = this.#firstBeating(this.#recent, 0, this.#recentSize, this.#scale(costs));
    if (k > 0) swapRows(this.#recent, this.#width, k, k >> 1);
    return k >= 0;
  }

  /** True if a known plan is nowhere worse than these costs and somewhere better. */
  beat(costs: Float64Array): boolean {
    const found = this.#beaterOf(costs);
    if (found >= 0) this.#remember(found);
    return found >= 0;
  }

  add(costs: Float64Array): void {
    if (this.#has(costs) || this.#beaterOf(costs) >= 0) return;
    this.#dropWorseThan(costs);
    if (this.#size - this.#sorted >= mostUnsorted) this.#sort();
    const width = this.#width;
    if ((this.#size + 1) * width > this.#rows.length) {
      const larger = new Float64Array(this.#rows.length * 2);
      larger.set(this.#rows);
      this.#rows = larger;
    }
    this.#rows.set(costs.subarray(0, width), this.#size * width);
    this.#size++;
  }

  /** The row that beats these costs; -1 if none does. */
  #beaterOf(costs: Float64Array): number {
    const scaled = this.#scale(costs);
    for (let block = 0; block * blockSize < this.#sorted; block++) {
      if (!this.#mayBeat(block, scaled)) continue;
      const end = Math.min(this.#sorted, (block + 1) * blockSize);
      const found = this.#firstBeating(this.#rows, block * blockSize, end, scaled);
      if (found >= 0) return found;
    }
    return this.#firstBeating(this.#rows, this.#sorted, this.#size, scaled);
  }

  #mayBeat(block: number, scaled: Float64Array): boolean {
    const at = block * this.#width;
    for (let c = 0; c < this.#width; c++) {
      if ((this.#least[at + c] as number) > (scaled[c] as number)) return false;
    }
    return true;
  }

  #scale(costs: Float64Array): Float64Array {
    for (let c = 0; c < this.#width; c++) this.#scaled[c] = (costs[c] as number) * this.#slack;
    return this.#scaled;
  }

  /** The first of these rows that is nowhere worse and somewhere better. The search spends most of its time here. */
  #firstBeating(rows: Float64Array, from: number, to: number, scaled: Float64Array): number {
    const width = this.#width;
    const anyBetter = this.#slack > 1;
    const first = scaled[0] as number;
    for (let k = from, at = from * width; k < to; k++, at += width) {
      if ((rows[at] as number) > first) continue;
      let c = 1;
      while (c < width && (rows[at + c] as number) <= (scaled[c] as number)) c++;
      if (c < width) continue;
      if (anyBetter) return k;
      for (c = 0; c < width; c++) if ((rows[at + c] as number) < (scaled[c] as number)) return k;
    }
    return -1;
  }

  #remember(row: number): void {
    const width = this.#width;
    // The last places change hands; whoever beats often has moved ahead of them.
    const place = this.#recentSize < mostRecent ? this.#recentSize++ : mostRecent - 1 - (row & 15);
    this.#recent.set(this.#rows.subarray(row * width, (row + 1) * width), place * width);
  }

  #has(costs: Float64Array): boolean {
    const width = this.#width;
    for (let k = 0; k < this.#size; k++) {
      let same = true;
      for (let c = 0; c < width && same; c++) same = this.#rows[k * width + c] === costs[c];
      if (same) return true;
    }
    return false;
  }

  #dropWorseThan(costs: Float64Array): void {
    const width = this.#width;
    for (let k = 0; k < this.#size; k++) {
      let worse = true;
      for (let c = 0; c < width && worse; c++) worse = (this.#rows[k * width + c] as number) >= (costs[c] as number);
      if (worse) this.#rows.fill(Infinity, k * width, (k + 1) * width);
    }
  }

  /** Puts rows that are near one another into the same blocks: halves by one column after another, as in a k-d tree. */
  #sort(): void {
    const width = this.#width;
    const rows = this.#rows;
    const kept = Array.from({ length: this.#size }, (_, k) => k).filter((k) => rows[k * width] !== Infinity);
    const order = Uint32Array.from(kept);
    const halve = (from: number, to: number, column: number): void => {
      if (to - from <= blockSize) return;
      order
        .subarray(from, to)
        .sort((a, b) => (rows[a * width + column] as number) - (rows[b * width + column] as number));
      const middle = from + Math.ceil((to - from) / 2 / blockSize) * blockSize;
      halve(from, middle, (column + 1) % width);
      halve(middle, to, (column + 1) % width);
    };
    halve(0, order.length, 0);
    this.#rows = new Float64Array(rows.length);
    for (const [k, row] of order.entries()) this.#rows.set(rows.subarray(row * width, (row + 1) * width), k * width);
    this.#size = order.length;
    this.#sorted = order.length;
    this.#least = new Float64Array(Math.ceil(order.length / blockSize) * width).fill(Infinity);
    for (let k = 0; k < order.length; k++) {
      const block = Math.floor(k / blockSize) * width;
      for (let c = 0; c < width; c++) {
        this.#least[block + c] = Math.min(this.#least[block + c] as number, this.#rows[k * width + c] as number);
      }
    }
  }
}

function swapRows(rows: Float64Array, width: number, a: number, b: number): void {
  for (let c = 0; c < width; c++) {
    const kept = rows[a * width + c] as number;
    rows[a * width + c] = rows[b * width + c] as number;
    rows[b * width + c] = kept;
  }
}
