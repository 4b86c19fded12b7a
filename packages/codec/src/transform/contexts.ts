import type { Extent, TransformTable } from './table.js';

/** Features by which the size of a coefficient is foretold; see `Contexts.features`. */
export const featureCount = 13;
/** No weight is larger, in 1/4096: sums of weighted ratios then fit 31 bits. */
export const mostWeight = 16_383;
/** Components before the current one whose coefficients are features of their own. */
const before = 6;
/** Classes of foretold size: four for each doubling, from 2^-9 steps on. */
export const classCount = 64;
/** Coefficients with a mean size below this (in 1/4096 steps) are nearly always zero: their neighbours are not asked. */
const quietBelow = 16;
const leastMagnitude = 82;
const mostRatio = 4095;

/**
 * Foretells how large each coefficient of a sample is from those coded before it, in integers alone, so that encoder and
 * decoder agree on every machine. Coefficients come component by component, and in one row by row. Each known one counts
 * by its ratio to the mean size of its place; a weighted mean of ratios, times the mean size of the place that is next, is
 * the size foretold.
 */
export class Contexts {
  readonly #table: TransformTable;
  readonly #extent: Extent;
  readonly #stride: number;
  readonly #plane: number;
  /** Ratios in 1/16, with a border of zeros around each component and `before` components of zeros in front. */
  readonly #ratios: Int32Array;
  /** Sums of the four neighbours of a place in the component before, and the half of that and of the one before it. */
  readonly #lastSum: Int32Array;
  readonly #near: Int32Array;
  /** Sixteen times a running mean, over all components further back, at each place. */
  readonly #older: Int32Array;
  /** The part of what is foretold at each place of the component that the components before it tell. */
  readonly #known: Int32Array;
  #component = 0;
  #own: Uint16Array;
  /** Where the mean size of a coefficient is found by its index. */
  #magnitudeFrom = 0;
  #magnitudeStep = 0;

  constructor(table: TransformTable, extent: Extent) {
    this.#table = table;
    this.#extent = extent;
    this.#stride = extent.width + 2;
    this.#plane = this.#stride * (extent.height + 2);
    this.#ratios = new Int32Array((extent.channels + before) * this.#plane);
    this.#lastSum = new Int32Array(this.#plane);
    this.#near = new Int32Array(this.#plane);
    this.#older = new Int32Array(this.#plane);
    this.#known = new Int32Array(this.#plane);
    this.#own = table.weights;
  }

  /** Where a place of the map lies within a bordered component. */
  placeOf(row: number, column: number): number {
    return (row + 1) * this.#stride + column + 1;
  }

  /** To be called before the coefficients of a component are asked for, components one after another from 0 on. */
  beginComponent(component: number): void {
    const { magnitudes, groups, weights } = this.#table;
    const { height, width } = this.#extent;
    const perPlace = magnitudes.length !== groups.length;
    const first = (groups[component] as number) * featureCount;
    this.#own = weights.subarray(first, first + featureCount);
    this.#component = component;
    this.#magnitudeFrom = perPlace ? 0 : component;
    this.#magnitudeStep = perPlace ? 1 : 0;
    const [, , , , w4, w5, w6, w7, w8, w9, w10, w11, w12] = this.#own as unknown as number[];
    const ratios = this.#ratios;
    const plane = this.#plane;
    const constant = (w12 as number) * 16;
    for (let row = 0; row < height; row++) {
      const from = this.placeOf(row, 0);
      for (let place = from; place < from + width; place++) {
        const here = (component + before) * plane + place;
        this.#known[place] =
          (constant +
            Math.imul(w4 as number, ratios[here - plane] as number) +
            Math.imul(w5 as number, ratios[here - 2 * plane] as number) +
            Math.imul(w6 as number, ratios[here - 3 * plane] as number) +
            Math.imul(w7 as number, ratios[here - 4 * plane] as number) +
            Math.imul(w8 as number, ratios[here - 5 * plane] as number) +
            Math.imul(w9 as number, ratios[here - 6 * plane] as number) +
            Math.imul(w10 as number, (this.#older[place] as number) >> 4) +
            Math.imul(w11 as number, this.#near[place] as number)) |
          0;
      }
    }
  }

  /** The weighted mean of ratios at a place of the component, in 1/65536: what `features` gives, times the weights. */
  foretell(place: number): number {
    const own = this.#own;
    const ratios = this.#ratios;
    const here = (this.#component + before) * this.#plane + place;
    const above = here - this.#stride;
    return (
      ((this.#known[place] as number) +
        Math.imul(own[0] as number, ratios[here - 1] as number) +
        Math.imul(own[1] as number, ratios[above] as number) +
        Math.imul(own[2] as number, ratios[above - 1] as number) +
        Math.imul(own[3] as number, ratios[above + 1] as number)) |
      0
    );
  }

  /**
   * The features at a place, in 1/16: ratios at the left, above, above left and above right; at the same place in each of
   * the six components before, and in all before those on average; around it in the two components before; and one.
   */
  features(place: number, out: Float64Array): void {
    const ratios = this.#ratios;
    const here = (this.#component + before) * this.#plane + place;
    const above = here - this.#stride;
    for (const [f, at] of [here - 1, above, above - 1, above + 1].entries()) out[f] = ratios[at] as number;
    for (let back = 1; back <= before; back++) out[3 + back] = ratios[here - back * this.#plane] as number;
    out[4 + before] = (this.#older[place] as number) >> 4;
    out[5 + before] = this.#near[place] as number;
    out[6 + before] = 16;
  }

  /** The class of the next coefficient: of its foretold size. @param index of the coefficient in its sample. */
  classOf(place: number, index: number): number {
    const magnitude = this.magnitudeAt(index);
    if (magnitude < quietBelow) return classOfSize(magnitude * 16);
    // Both factors are integers and their product is below 2^53: exact, as is the division by a power of two.
    return classOfSize(Math.min(0x3f_ff_ff_ff, this.foretell(place) * magnitude * 2 ** -12) | 0);
  }

  /** Mean size of a coefficient in 1/4096 steps. */
  magnitudeAt(index: number): number {
    return this.#table.magnitudes[this.#magnitudeFrom + index * this.#magnitudeStep] as number;
  }

  /** Tells a coefficient that is not zero, before the next is asked for. */
  learn(place: number, index: number, size: number): void {
    const ratio = Math.floor((size * 65_536) / Math.max(this.magnitudeAt(index), leastMagnitude));
    this.#ratios[(this.#component + before) * this.#plane + place] = Math.min(mostRatio, ratio);
  }

  /** To be called when all coefficients of the component have been told. */
  endComponent(): void {
    const { height, width } = this.#extent;
    const ratios = this.#ratios;
    const plane = this.#plane;
    const stride = this.#stride;
    for (let row = 0; row < height; row++) {
      const first = this.placeOf(row, 0);
      for (let place = first; place < first + width; place++) {
        const here = (this.#component + before) * plane + place;
        const sum =
          (ratios[here - 1] as number) +
          (ratios[here + 1] as number) +
          (ratios[here - stride] as number) +
          (ratios[here + stride] as number);
        this.#near[place] = (sum + (this.#lastSum[place] as number)) >> 3;
        this.#lastSum[place] = sum;
        const older = this.#older[place] as number;
        this.#older[place] = older - (older >> 4) + (ratios[here - (before - 1) * plane] as number);
      }
    }
  }
}

/** The class of a size in 1/65536 steps: two bits behind the leading one, from 2^7 on. */
function classOfSize(size: number): number {
  if (size < 128) return 0;
  const exponent = 31 - Math.clz32(size);
  return Math.min(classCount - 1, (exponent - 7) * 4 + ((size >>> (exponent - 2)) & 3));
}

/** The size in steps in the middle of a class. */
export function sizeOfClass(index: number): number {
  return 2 ** ((index >> 2) - 9) * (1 + ((index & 3) + 0.5) / 4);
}
