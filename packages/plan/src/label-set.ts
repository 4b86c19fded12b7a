import type { LabelStore } from './labels.js';

export const wanted = -1;
export const unwanted = -2;

/**
 * The labels of one state while it is being filled: none of them is needlessly worse than another.
 *
 * A label goes if another is nowhere worse and better in one of the first `strict` columns, which add up, so that it stays
 * better. One that is worse only in columns of which the largest counts may still end as an equal, so it stays, until the
 * labels that are nowhere worse stand for `mostTies` plans: then its plans could only be further equals of those.
 */
export class LabelSet {
  private values: Float64Array;
  private ways = new Float64Array(64);
  private firstEdge = new Int32Array(64);
  private edgeCount = new Int32Array(64);
  size = 0;
  /** A label went that might have ended as an equal. */
  tiesLost = false;

  constructor(
    private readonly store: LabelStore,
    private readonly width: number,
    private readonly strict: number,
    private readonly mostTies: number,
    /** By column, a factor: a label within it of another goes as well. Undefined: exact. */
    private readonly slack: Float64Array | undefined,
  ) {
    this.values = new Float64Array(64 * width);
  }

  /** Whether a label is wanted: `unwanted`, `wanted`, or the place of one that costs the same. */
  find(label: Float64Array): number {
    if (this.slack !== undefined && this.isNear(label, this.slack)) return unwanted;
    const { width, strict, values } = this;
    let equals = 0;
    let same = wanted;
    for (let k = 0; k < this.size; k++) {
      const at = k * width;
      let better = false;
      let worse = false;
      let equal = true;
      for (let c = 0; c < width; c++) {
        const mine = values[at + c] as number;
        const its = label[c] as number;
        if (mine > its) {
          worse = true;
          break;
        }
        if (mine < its) {
          equal = false;
          if (c < strict) better = true;
        }
      }
      if (worse) continue;
      if (better) {
        if (k > 0) this.swap(k, k >> 1);
        return unwanted;
      }
      equals += this.ways[k] as number;
      if (equal) same = k;
      else if (equals >= this.mostTies) {
        this.tiesLost = true;
        return unwanted;
      }
    }
    return same;
  }

  /** Adds a label that was found to be wanted, reached from label `from` via a codec or segment. */
  add(label: Float64Array, found: number, from: number, via: number, ways: number): void {
    if (found === wanted) {
      this.dropWorseThan(label);
      this.append(label, from, via, ways);
      return;
    }
    this.ways[found] = (this.ways[found] as number) + ways;
    if ((this.edgeCount[found] as number) < this.mostTies) {
      this.firstEdge[found] = this.store.addEdge(from, via, this.firstEdge[found] as number);
      this.edgeCount[found] = (this.edgeCount[found] as number) + 1;
    }
  }

  /** Moves the labels to the store, as those of a place; the set is empty then. */
  flush(place: number): void {
    for (let k = 0; k < this.size; k++) {
      this.store.add(this.values, k * this.width, this.ways[k] as number, place, this.firstEdge[k] as number);
    }
    this.size = 0;
  }

  private isNear(label: Float64Array, slack: Float64Array): boolean {
    const { width, values } = this;
    for (let k = 0; k < this.size; k++) {
      let near = true;
      for (let c = 0; c < width && near; c++) {
        near = (values[k * width + c] as number) <= (label[c] as number) * (slack[c] as number);
      }
      if (near) return true;
    }
    return false;
  }

  private dropWorseThan(label: Float64Array): void {
    const { width, strict, values } = this;
    for (let k = this.size - 1; k >= 0; k--) {
      const at = k * width;
      let better = false;
      let worse = false;
      for (let c = 0; c < width; c++) {
        const mine = values[at + c] as number;
        const its = label[c] as number;
        if (mine < its) {
          worse = true;
          break;
        }
        if (c < strict && mine > its) better = true;
      }
      if (!worse && better) {
        this.size--;
        if (k < this.size) this.swap(k, this.size);
      }
    }
  }

  private append(label: Float64Array, from: number, via: number, ways: number): void {
    if (this.size === this.ways.length) this.grow();
    const k = this.size++;
    for (let c = 0; c < this.width; c++) this.values[k * this.width + c] = label[c] as number;
    this.ways[k] = ways;
    this.firstEdge[k] = this.store.addEdge(from, via, -1);
    this.edgeCount[k] = 1;
  }

  private swap(a: number, b: number): void {
    const { width, values } = this;
    for (let c = 0; c < width; c++) {
      const kept = values[a * width + c] as number;
      values[a * width + c] = values[b * width + c] as number;
      values[b * width + c] = kept;
    }
    const ways = this.ways[a] as number;
    this.ways[a] = this.ways[b] as number;
    this.ways[b] = ways;
    const edge = this.firstEdge[a] as number;
    this.firstEdge[a] = this.firstEdge[b] as number;
    this.firstEdge[b] = edge;
    const count = this.edgeCount[a] as number;
    this.edgeCount[a] = this.edgeCount[b] as number;
    this.edgeCount[b] = count;
  }

  private grow(): void {
    const values = new Float64Array(this.values.length * 2);
    values.set(this.values);
    const ways = new Float64Array(this.ways.length * 2);
    ways.set(this.ways);
    const firstEdge = new Int32Array(this.firstEdge.length * 2);
    firstEdge.set(this.firstEdge);
    const edgeCount = new Int32Array(this.edgeCount.length * 2);
    edgeCount.set(this.edgeCount);
    this.values = values;
    this.ways = ways;
    this.firstEdge = firstEdge;
    this.edgeCount = edgeCount;
  }
}
