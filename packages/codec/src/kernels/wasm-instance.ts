import { wasmBase64 } from './wasm-bytes.js';
import { thisHost, type WasmHost, type WasmMemory, type WasmModule } from './wasm-host.js';

/** What assembly/ exports; see there. Arguments are addresses in bytes and counts of elements; nothing is checked. */
export interface WasmExports {
  readonly memory: WasmMemory;
  toHalves(numbers: number, halves: number, count: number): number;
  fromHalves(halves: number, numbers: number, count: number): void;
  toBfloats(numbers: number, bfloats: number, count: number): number;
  fromBfloats(bfloats: number, numbers: number, count: number): void;
  transposeNumbers(from: number, to: number, rows: number, columns: number): void;
  transposeBytes(from: number, to: number, rows: number, columns: number): void;
  multiply(out: number, transposed: number, input: number, rows: number, inner: number, columns: number): void;
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
  ): number;
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
  measureTabqColumns(
    numbers: number,
    length: number,
    columns: number,
    tau: number,
    room: number,
    lows: number,
    highs: number,
    outsides: number,
    energies: number,
  ): number;
  tabqColumns(
    numbers: number,
    length: number,
    columns: number,
    tau: number,
    delta: number,
    maxWidth: number,
    isNarrow: boolean,
    room: number,
    lows: number,
    highs: number,
    outsides: number,
    energies: number,
    starts: number,
    scales: number,
    inverses: number,
    widths: number,
  ): void;
  takeOutliers(numbers: number, count: number, tau: number, at: number, values: number): void;
  packRows(codes: number, packed: number, rows: number, length: number, widths: number): number;
  unpackRows(packed: number, codes: number, rows: number, length: number, widths: number): void;
  restoreRows(codes: number, numbers: number, rows: number, length: number, lows: number, scales: number): void;
  restoreColumns(codes: number, numbers: number, rows: number, columns: number, lows: number, scales: number): void;
  tailBin(numbers: number, count: number, most: number, counts: number): number;
  countSymbols(
    symbols: number,
    count: number,
    own: number,
    left: number,
    up: number,
    bins: number,
    alphabet: number,
    counts: number,
  ): void;
  encodeSymbols(
    symbols: number,
    count: number,
    own: number,
    left: number,
    up: number,
    bins: number,
    contexts: number,
    alphabet: number,
    frequencies: number,
    entries: number,
    end: number,
  ): number;
  decodeSymbols(
    from: number,
    length: number,
    symbols: number,
    count: number,
    own: number,
    left: number,
    up: number,
    bins: number,
    marks: number,
    contexts: number,
    alphabet: number,
    frequencies: number,
    entries: number,
    slots: number,
  ): number;
  takeStripes(bytes: number, stripes: number, lanes: number): void;
}

/** Everything below belongs to the module: its constants. */
const reservedBytes = 65_536;
const pageBytes = 65_536;
/** What the module may grow to; build-kernels.mjs writes it into the module as well. */
const mostBytes = 4096 * pageBytes;

/** No kernel goes further past the end of an array. */
const slackBytes = 64;

/** The module's functions and the memory they share with whoever calls them. */
export interface WasmInstance {
  readonly run: WasmExports;
  /** Where room starts. */
  readonly base: number;
  /** The whole memory with at least so many bytes of room from `base` on; earlier views may be gone. */
  memory(roomBytes: number): Uint8Array<ArrayBuffer>;
}

/** Compiles here and now. @returns undefined where the host has no WebAssembly with SIMD. */
export function compileKernels(host: WasmHost = thisHost): WasmModule | undefined {
  const bytes = readModule(host);
  return bytes && host.WebAssembly && new host.WebAssembly.Module(bytes);
}

/** Compiles beside other work, which is what a page's main thread has to do. @returns as `compileKernels` */
export async function compileKernelsAsync(host: WasmHost = thisHost): Promise<WasmModule | undefined> {
  const bytes = readModule(host);
  return bytes && (await host.WebAssembly?.compile(bytes));
}

function readModule(host: WasmHost): Uint8Array<ArrayBuffer> | undefined {
  const bytes = Uint8Array.from(host.atob(wasmBase64), (character) => character.charCodeAt(0));
  return host.WebAssembly?.validate(bytes) ? bytes : undefined;
}

export function instantiate(module: WasmModule, host: WasmHost = thisHost): WasmInstance {
  if (host.WebAssembly === undefined) throw new Error('A module can only be made where there is WebAssembly.');
  const run = new host.WebAssembly.Instance(module).exports as WasmExports;
  let view = new Uint8Array(run.memory.buffer);
  return {
    run,
    base: reservedBytes,
    memory(roomBytes) {
      const missing = reservedBytes + roomBytes - view.length;
      if (missing > 0) {
        run.memory.grow(Math.ceil(missing / pageBytes));
        view = new Uint8Array(run.memory.buffer);
      }
      return view;
    },
  };
}

/**
 * Room for several arrays of so many bytes, with slack between them for what kernels read and write past an end. Asked
 * again with the same sizes first, it gives the same places, and what lies there stays.
 * @returns undefined if the module must not grow so large.
 */
export function roomFor<const Sizes extends readonly number[]>(
  wasm: WasmInstance,
  sizes: Sizes,
): { readonly memory: Uint8Array<ArrayBuffer>; readonly at: { readonly [Index in keyof Sizes]: number } } | undefined {
  let used = 0;
  const at = sizes.map((bytes) => {
    const start = wasm.base + used;
    used += 16 * Math.ceil((bytes + slackBytes) / 16);
    return start;
  });
  if (wasm.base + used > mostBytes) return undefined;
  // There is one place for each size.
  return { memory: wasm.memory(used), at: at as { [Index in keyof Sizes]: number } };
}

/** Copies an array in. */
export function putArray(memory: Uint8Array<ArrayBuffer>, at: number, array: ArrayBufferView): void {
  memory.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), at);
}
