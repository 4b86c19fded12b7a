/** What both ends know of an array of symbols before it is coded. */
export interface SymbolLayout {
  /** How many symbols there are. */
  readonly count: number;
  /** Symbols are below this; 2 to 256. */
  readonly alphabet: number;
  /**
   * Of each symbol a class below `classes` (which is not checked), such as the width of its code; symbols of one class should
   * be alike. Where it is absent symbols take the classes in turn, as the bytes of numbers do.
   */
  readonly own?: Uint8Array | undefined;
  /** 1 to 16, and to 8 where symbols take them in turn. */
  readonly classes: number;
  /** How many places before each symbol those lie that it is likely to resemble: one to its left, and one above it. */
  readonly left: number;
  readonly up: number;
}
