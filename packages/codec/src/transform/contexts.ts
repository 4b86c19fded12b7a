import type { Extent, TransformTable } from './table.js';

/** Features by which the size of a coefficient is foretold; see `Contexts.foretell`. */
export const featureCount = 13;
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

  constructor(table: TransformTable, extent: Extent) {
    this.#table = table;
    this.#extent = extent;
    this.#stride = extent.width + 2;
    this.#plane = this.#stride * (extent.height + 2);
    this.#ratios = new Int32Array((extent.channels + before) * this.#plane);
    this.#lastSum = new Int32Array(this.#plane);
    this.#near = new Int32Array(this.#plane);
    this.#older = new Int32Array(this.#plane);
  }

  /** Where a place of the map lies within a bordered component. */
  placeOf(row: number, column: number): number {
    return (row + 1) * this.#stride + column + 1;
  }

  /** The weighted mean of ratios at a place, in 1/65536. @param weights of which those from `at` on are taken. */
  foretell(component: number, place: number, weights: ArrayLike<number>, at: number): number {
    const ratios = this.#ratios;
    const plane = this.#plane;
    const stride = this.#stride;
    const here = (component + before) * plane + place;
    return (
      (weights[at] as number) * (ratios[here - 1] as number) +
      (weights[at + 1] as number) * (ratios[here - stride] as number) +
      (weights[at + 2] as number) * (ratios[here - stride - 1] as number) +
      (weights[at + 3] as number) * (ratios[here - stride + 1] as number) +
      (weights[at + 4] as number) * (ratios[here - plane] as number) +
      (weights[at + 5] as number) * (ratios[here - 2 * plane] as number) +
      (weights[at + 6] as number) * (ratios[here - 3 * plane] as number) +
      (weights[at + 7] as number) * (ratios[here - 4 * plane] as number) +
      (weights[at + 8] as number) * (ratios[here - 5 * plane] as number) +
      (weights[at + 9] as number) * (ratios[here - 6 * plane] as number) +
      (weights[at + 10] as number) * ((this.#older[place] as number) >> 4) +
      (weights[at + 11] as number) * (this.#near[place] as number) +
      (weights[at + 12] as number) * 16
    );
  }

  /** The class of the next coefficient: of its foretold size. @param index of the coefficient in its sample. */
  classOf(component: number, place: number, index: number): number {
    const { magnitudes, groups, weights } = this.#table;
    const magnitude = magnitudes[magnitudes.length === groups.length ? component : index] as number;
    if (magnitude < quietBelow) return classOfSize(magnitude * 16);
    const mean = this.foretell(component, place, weights, (groups[component] as number) * featureCount);
    // Both factors are integers and their product is below 2^53: exact, as is the division by a power of two.
    return classOfSize(Math.min(0x3f_ff_ff_ff, mean * magnitude * 2 ** -12) | 0);
  }

  /** Tells a coefficient that is not zero, before the next is asked for. */
  learn(component: number, place: number, index: number, size: number): void {
    const { magnitudes, groups } = this.#table;
    const magnitude = magnitudes[magnitudes.length === groups.length ? component : index] as number;
    const ratio = Math.floor((size * 65_536) / Math.max(magnitude, leastMagnitude));
    this.#ratios[(component + before) * this.#plane + place] = Math.min(mostRatio, ratio);
  }

  /** To be called when all coefficients of a component have been told. */
  endComponent(component: number): void {
    const { height, width } = this.#extent;
    const ratios = this.#ratios;
    const plane = this.#plane;
    const stride = this.#stride;
    for (let row = 0; row < height; row++) {
      const first = this.placeOf(row, 0);
      for (let place = first; place < first + width; place++) {
        const here = (component + before) * plane + place;
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
