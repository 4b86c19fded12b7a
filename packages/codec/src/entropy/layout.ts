/** What both ends know of an array of symbols before it is coded. */
export interface SymbolLayout {
  /** How many symbols there are. */
  readonly count: number;
  /** Symbols are below this; 2 to 256. */
  readonly alphabet: number;
  /** Of each symbol a class below `classes` (which is not checked), such as its byte in a number; symbols of one class should be alike. */
  readonly own?: Uint8Array | undefined;
  /** 1 where there is no `own`; up to 16. */
  readonly classes: number;
  /** How many places before each symbol those lie that it is likely to resemble: one to its left, and one above it. */
  readonly left: number;
  readonly up: number;
}
