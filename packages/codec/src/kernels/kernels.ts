import type { SymbolLayout } from '../entropy/layout.js';
import type { OpenTransform } from '../transform/kernels.js';
import type { BinStarts } from './bins.js';

/**
 * How a tensor falls into groups that are quantised together. Element l (0 to length - 1) of group (o, i) lies at
 * `(o * length + l) * inner + i`; the group's number is `o * inner + i`. With `inner` 1 groups are rows; with `outer` 1
 * they are columns.
 */
export interface Grouping {
  readonly outer: number;
  readonly length: number;
  readonly inner: number;
}

/** Number of groups. */
export function groupCount({ outer, inner }: Grouping): number {
  return outer * inner;
}

/** Number of elements. */
export function groupedElements({ outer, length, inner }: Grouping): number {
  return outer * length * inner;
}

/**
 * A tensor in steps: element = low + code * scale, by group. See quantise.ts for how it comes to be. Arrays that a kernel
 * gives are owned by the receiver.
 */
export interface Steps {
  /** True where each low and scale is a binary16 number (kept as f32): two bytes are enough for it. */
  readonly narrow: boolean;
  /** By group. */
  readonly lows: Float32Array<ArrayBuffer>;
  /** By group; 0 for a group whose elements are all alike. */
  readonly scales: Float32Array<ArrayBuffer>;
  /** Bits of each code, by group: 0, or 2 to 8. */
  readonly widths: Uint8Array<ArrayBuffer>;
  /** As `CodeForm` says. */
  readonly codes: Uint8Array;
}

/** What is kept as it is, beside the steps: where (ascending) and what, bit for bit. */
export interface Outliers {
  readonly at: Uint32Array<ArrayBuffer>;
  readonly values: Float32Array<ArrayBuffer>;
}

/** How tightly `tabqEncode` quantises. */
export interface TabqOptions {
  /**
   * Outliers are elements that are not numbers, or of a larger magnitude than both this (at most `largestMagnitude`) and the
   * one above which the share `rho` of all elements lies: tail.ts.
   */
  readonly least: number;
  readonly rho: number;
  /** Most that the squared errors of a group may sum up to, as a share of the sum of its squares. */
  readonly delta: number;
  /** Most bits of a code, 2 to 8. */
  readonly maxWidth: number;
}

/** Codes in the tensor's order, a byte each, for an entropy coder; or packed into bits. */
export type CodeForm = 'bytes' | 'packed';

/** What tells symbols apart when they are coded: those of one context share a distribution. */
export interface SymbolContexts {
  /** Symbols are below this; up to 256. */
  readonly alphabet: number;
  /** See `SymbolLayout`: what both ends know. */
  readonly own?: Uint8Array | undefined;
  readonly classes: number;
  /** What symbols coded before tell, if anything. */
  readonly neighbours?: Neighbours | undefined;
}

/**
 * The symbols so many places before, 0 where there are none in the same lane (lanes.ts), fall into four bins each: sixteen
 * contexts in each class.
 */
export interface Neighbours {
  readonly left: number;
  readonly up: number;
  readonly starts: BinStarts;
}

/** Number of contexts. Context by context, each symbol of the alphabet has its number in counts and frequencies. */
export function contextCount({ classes, neighbours }: SymbolContexts): number {
  return neighbours === undefined ? classes : classes * 16;
}

/**
 * The arithmetic of the codecs, each function over a whole tensor. Every implementation gives the same bytes: what is
 * computed, and in which precision and order, is defined at the functions of `typescriptKernels`, in the files beside
 * this one. Arrays that are handed in are not kept, and arrays that come out are the caller's.
 */
export interface Kernels {
  readonly name: string;

  /** f32 to binary16: half.ts. `to` has as many elements. Gives how many finite elements became infinite. */
  toHalves(from: Float32Array, to: Uint16Array): number;
  fromHalves(from: Uint16Array, to: Float32Array): void;

  /** f32 to bfloat16: bfloat.ts. `to` has as many elements. Gives how many finite elements became infinite. */
  toBfloats(from: Float32Array, to: Uint16Array): number;
  fromBfloats(from: Uint16Array, to: Float32Array): void;

  /**
   * One width for all groups: affine.ts. Gives undefined if an element is not a number or its magnitude is above
   * `largestMagnitude`.
   */
  affineEncode(values: Float32Array, grouping: Grouping, width: number, form: CodeForm): Steps | undefined;
  /** The smallest width for each group that keeps the budget: tabq.ts. */
  tabqEncode(
    values: Float32Array,
    grouping: Grouping,
    options: TabqOptions,
    form: CodeForm,
  ): { readonly steps: Steps; readonly outliers: Outliers };
  /**
   * Elements from steps: affine.ts. The caller has checked that all arrays have the length that the grouping and the
   * widths ask for, and that positions are in range.
   */
  decodeSteps(
    steps: Steps,
    grouping: Grouping,
    form: CodeForm,
    outliers: Outliers | undefined,
  ): Float32Array<ArrayBuffer>;

  /** Symbols, by tables that are sent before them: ../entropy/fixed.ts. There are four at least. */
  encodeFixed(symbols: Uint8Array, layout: SymbolLayout): Uint8Array<ArrayBuffer>;
  decodeFixed(bytes: Uint8Array, layout: SymbolLayout): Uint8Array<ArrayBuffer>;
  /** Few symbols, by learning from each: ../entropy/learnt.ts. */
  encodeLearning(symbols: Uint8Array, layout: SymbolLayout): Uint8Array<ArrayBuffer>;
  decodeLearning(bytes: Uint8Array, layout: SymbolLayout): Uint8Array<ArrayBuffer>;
  /** xxHash32 of the bytes: checksum.ts. */
  checksum(bytes: Uint8Array): number;
  /** The arithmetic of the codec `transform` under a table: ../transform/plain.ts. */
  readonly openTransform: OpenTransform;
}

/** Elements of a larger magnitude cannot be quantised, as the differences of two of them may be infinite: 2^126. */
export const largestMagnitude = 2 ** 126;
