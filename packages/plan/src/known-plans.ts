/** Costs of complete plans that are known already, none of them worse than another; what is worse cannot be on the front. */
export class KnownPlans {
  private values: Float64Array;
  size = 0;

  /** `slack`: a factor within which a known plan counts as nowhere worse and better; 1 is exact. */
  constructor(
    private readonly width: number,
    private readonly slack = 1,
  ) {
    this.values = new Float64Array(256 * width);
  }

  /** True if a known plan, the first `first` left out and `most` looked at, is nowhere worse than these costs and somewhere better. */
  beat(costs: Float64Array, first = 0, most = Infinity): boolean {
    const { width, values, slack } = this;
    const end = Math.min(this.size, first + most);
    for (let k = first; k < end; k++) {
      const at = k * width;
      let worse = false;
      let better = slack > 1;
      for (let c = 0; c < width; c++) {
        const known = values[at + c] as number;
        const its = (costs[c] as number) * slack;
        if (known > its) {
          worse = true;
          break;
        }
        if (known < its) better = true;
      }
      if (!worse && better) {
        if (k > 0) this.swap(k, k >> 1);
        return true;
      }
    }
    return false;
  }

  add(costs: Float64Array): void {
    const { width } = this;
    if (this.has(costs) || this.beat(costs)) return;
    for (let k = this.size - 1; k >= 0; k--) {
      let worse = true;
      for (let c = 0; c < width && worse; c++) worse = (this.values[k * width + c] as number) >= (costs[c] as number);
      if (worse) {
        this.size--;
        this.swap(k, this.size);
      }
    }
    if ((this.size + 1) * width > this.values.length) {
      const larger = new Float64Array(this.values.length * 2);
      larger.set(this.values);
      this.values = larger;
    }
    this.values.set(costs.subarray(0, width), this.size * width);
    this.size++;
  }

  private has(costs: Float64Array): boolean {
    const { width, values } = this;
    for (let k = 0; k < this.size; k++) {
      let same = true;
      for (let c = 0; c < width && same; c++) same = values[k * width + c] === costs[c];
      if (same) return true;
    }
    return false;
  }

  private swap(a: number, b: number): void {
    const { width, values } = this;
    for (let c = 0; c < width; c++) {
      const kept = values[a * width + c] as number;
      values[a * width + c] = values[b * width + c] as number;
      values[b * width + c] = kept;
    }
  }
}
