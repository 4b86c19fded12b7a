import type { WasmMemory } from './wasm-host.js';

/** What assembly/ exports; see there. Arguments are addresses in bytes and counts of elements; nothing is checked. */
export interface WasmExports {
  readonly memory: WasmMemory;
  toHalves(numbers: number, halves: number, count: number): number;
  fromHalves(halves: number, numbers: number, count: number): void;
  toBfloats(numbers: number, bfloats: number, count: number): number;
  fromBfloats(bfloats: number, numbers: number, count: number): void;
  transposeNumbers(from: number, to: number, rows: number, columns: number): void;
  transposeBytes(from: number, to: number, rows: number, columns: number): void;
  multiplyLarge(
    out: number,
    transposed: number,
    input: number,
    rows: number,
    inner: number,
    columns: number,
    room: number,
  ): void;
  multiplyMaps(
    maps: number,
    turned: number,
    count: number,
    height: number,
    width: number,
    vertical: number,
    horizontal: number,
  ): void;
  addMeans(numbers: number, means: number, channels: number, positions: number, factor: number): void;
  toSteps(numbers: number, count: number, perStep: number, most: number, steps: number): number;
  fromSteps(steps: number, count: number, step: number, numbers: number): void;
  finishOps(ops: number, count: number, end: number): number;
  encodeCoefficients(
    values: number,
    channels: number,
    height: number,
    width: number,
    magnitudes: number,
    perPlace: boolean,
    groups: number,
    weights: number,
    starts: number,
    planes: number,
    ops: number,
  ): number;
  decodeCoefficients(
    values: number,
    channels: number,
    height: number,
    width: number,
    magnitudes: number,
    perPlace: boolean,
    groups: number,
    weights: number,
    starts: number,
    firsts: number,
    planes: number,
    bytes: number,
    length: number,
    position: number,
  ): number;
  affineEncode(
    numbers: number,
    rows: number,
    length: number,
    width: number,
    lows: number,
    scales: number,
    codes: number,
  ): number;
  measureRows(
    numbers: number,
    rows: number,
    length: number,
    tau: number,
    lows: number,
    highs: number,
    outsides: number,
    energies: number,
  ): void;
  areNarrow(): number;
  encodeRows(
    numbers: number,
    rows: number,
    length: number,
    tau: number,
    delta: number,
    maxWidth: number,
    isNarrow: boolean,
    lows: number,
    scales: number,
    outsides: number,
    energies: number,
    widths: number,
    codes: number,
  ): void;
  beginColumns(): void;
  columnsAreNarrow(): number;
  measureColumns(numbers: number, length: number, columns: number, tau: number, lows: number, highs: number): number;
  affineColumns(
    columns: number,
    width: number,
    isNarrow: boolean,
    lows: number,
    highs: number,
    starts: number,
    scales: number,
    inverses: number,
  ): void;
  quantiseColumns(
    numbers: number,
    codes: number,
    length: number,
    columns: number,
    starts: number,
    inverses: number,
  ): void;
  tabqColumns(
    numbers: number,
    length: number,
    columns: number,
    delta: number,
    maxWidth: number,
    isNarrow: boolean,
    room: number,
    starts: number,
    scales: number,
    inverses: number,
    widths: number,
    codes: number,
  ): number;
  packRows(codes: number, packed: number, rows: number, length: number, widths: number): number;
  unpackRows(packed: number, codes: number, rows: number, length: number, widths: number): void;
  restoreRows(codes: number, numbers: number, rows: number, length: number, lows: number, scales: number): void;
  restoreColumns(codes: number, numbers: number, rows: number, columns: number, lows: number, scales: number): void;
  tailBin(numbers: number, count: number, most: number, counts: number, places: number): number;
  takeOutliers(numbers: number, tau: number, places: number): number;
  encodeFixed(
    symbols: number,
    count: number,
    own: number,
    classes: number,
    alphabet: number,
    left: number,
    up: number,
    lanes: number,
    cells: number,
    counts: number,
    frequencies: number,
    models: number,
    ops: number,
    tablesEnd: number,
    entries: number,
    end: number,
  ): number;
  putTurns(classes: number, count: number, most: number): void;
  decodeSymbols(
    from: number,
    bytes: number,
    symbols: number,
    length: number,
    own: number,
    left: number,
    up: number,
    bins: number,
    marks: number,
    classes: number,
    contexts: number,
    alphabet: number,
    frequencies: number,
    entries: number,
    slots: number,
  ): number;
  adaptiveBytes(tables: number): number;
  learningBytes(classes: number): number;
  encodeLearning(
    symbols: number,
    count: number,
    own: number,
    classes: number,
    alphabet: number,
    tables: number,
    ops: number,
    counts: number,
    end: number,
  ): number;
  decodeLearning(
    bytes: number,
    length: number,
    symbols: number,
    count: number,
    own: number,
    classes: number,
    alphabet: number,
    tables: number,
  ): number;
  readTables(
    bytes: number,
    length: number,
    contexts: number,
    alphabet: number,
    frequencies: number,
    models: number,
    scratch: number,
  ): number;
  beginHash(): void;
  takeStripes(bytes: number, stripes: number): void;
  finishHash(rest: number, all: number): number;
}
