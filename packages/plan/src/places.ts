import type { LabelStore } from './labels.js';

/** Which labels of the store each place has, and the least costs among them: where even those would not do, none does. */
export class Places {
  /** Where a place's labels begin and end in the store. */
  readonly begin: Int32Array;
  readonly end: Int32Array;
  /** By place: the least of each column over its labels. */
  readonly least: Float64Array;
  readonly #width: number;

  constructor(places: number, width: number) {
    this.#width = width;
    this.begin = new Int32Array(places);
    this.end = new Int32Array(places);
    this.least = new Float64Array(places * width);
  }

  /** The labels of the store from `first` on are those of this place, and complete. */
  close(place: number, store: LabelStore, first: number): void {
    const width = this.#width;
    this.begin[place] = first;
    this.end[place] = store.size;
    for (let c = 0; c < width; c++) {
      let least = Infinity;
      for (let k = first; k < store.size; k++) least = Math.min(least, store.values[k * width + c] as number);
      this.least[place * width + c] = least;
    }
  }
}
