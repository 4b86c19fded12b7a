/**
 * Labels: ways to reach a state, with their costs. One label stands for all ways that cost exactly the same; the ways are
 * edges to the labels before it. Numbers in growing typed arrays, because there are many.
 */
export class LabelStore {
  values: Float64Array;
  /** How many plans lead here. */
  ways = new Float64Array(1024);
  /** The place (`kind`, device and cut, see front.ts) of a label, and the first of its edges. */
  place = new Int32Array(1024);
  firstEdge = new Int32Array(1024);
  size = 0;
  edgeFrom = new Int32Array(1024);
  edgeVia = new Int32Array(1024);
  edgeNext = new Int32Array(1024);
  edges = 0;

  constructor(readonly width: number) {
    this.values = new Float64Array(1024 * width);
  }

  /** `via`: which codec; -1 for a segment. `next`: the edge before it in the same list, or -1. */
  addEdge(from: number, via: number, next: number): number {
    if (this.edges === this.edgeFrom.length) {
      this.edgeFrom = doubled(this.edgeFrom);
      this.edgeVia = doubled(this.edgeVia);
      this.edgeNext = doubled(this.edgeNext);
    }
    this.edgeFrom[this.edges] = from;
    this.edgeVia[this.edges] = via;
    this.edgeNext[this.edges] = next;
    return this.edges++;
  }

  add(values: Float64Array, at: number, ways: number, place: number, firstEdge: number): number {
    if (this.size === this.ways.length) {
      const larger = new Float64Array(this.values.length * 2);
      larger.set(this.values);
      this.values = larger;
      const moreWays = new Float64Array(this.ways.length * 2);
      moreWays.set(this.ways);
      this.ways = moreWays;
      this.place = doubled(this.place);
      this.firstEdge = doubled(this.firstEdge);
    }
    const target = this.size * this.width;
    for (let c = 0; c < this.width; c++) this.values[target + c] = values[at + c] as number;
    this.ways[this.size] = ways;
    this.place[this.size] = place;
    this.firstEdge[this.size] = firstEdge;
    return this.size++;
  }
}

function doubled(array: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(array.length * 2);
  larger.set(array);
  return larger;
}
