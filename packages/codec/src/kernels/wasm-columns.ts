import {
  type CodeForm,
  type Grouping,
  groupCount,
  groupedElements,
  largestMagnitude,
  type Outliers,
  type Steps,
  type TabqOptions,
} from './kernels.js';
import { roomFor, type WasmInstance } from './wasm-instance.js';
import { tailBytes, tauOf } from './wasm-tail.js';

/*
 * In the module groups are columns here, four of which are worked on at a time. Where they are columns of the tensor too, its
 * elements stay in their order; short rows are turned. Codes are turned, as they are smaller, where they leave group by group.
 */

/** Rows from this length on are worked on one by one. */
const longRow = 256;
/** Four columns have to fit a core's cache. */
const longestColumn = 2048;

/** Whether the groups are better worked on as columns. */
export function suitColumns({ outer, length, inner }: Grouping): boolean {
  if (length === 0) return false;
  return inner === 1 ? outer >= 4 && length < longRow : inner >= 4 && length <= longestColumn;
}

/** See `affineEncode` in affine.ts. @returns 'no room' if the tensor is too large for the module's memory */
export function encodeAffineColumns(
  wasm: WasmInstance,
  values: Float32Array,
  grouping: Grouping,
  width: number,
  form: CodeForm,
): Steps | undefined | 'no room' {
  const room = roomFor(wasm, sizesOf(grouping));
  if (room === undefined) return 'no room';
  const { memory } = room;
  const at = placesOf(room.at);
  const { length } = grouping;
  const { run } = wasm;
  const groups = groupCount(grouping);
  putColumns(wasm, memory, values, grouping, at);
  run.beginColumns();
  for (const { first, group, columns } of blocksOf(grouping)) {
    const [lows, highs] = [at.lows + group * 4, at.highs + group * 4];
    if (!run.measureColumns(at.columns + first * 4, length, columns, largestMagnitude, lows, highs)) return undefined;
  }
  const narrow = run.columnsAreNarrow() !== 0;
  run.affineColumns(groups, width, narrow, at.lows, at.highs, at.starts, at.scales, at.inverses);
  memory.fill(width, at.widths, at.widths + groups);
  return takeSteps(wasm, memory, grouping, form, narrow, at);
}

/** See `tabqEncode` in tabq.ts. @returns 'no room' if the tensor is too large for the module's memory */
export function encodeTabqColumns(
  wasm: WasmInstance,
  values: Float32Array,
  grouping: Grouping,
  options: TabqOptions,
  form: CodeForm,
): { readonly steps: Steps; readonly outliers: Outliers } | 'no room' {
  const sizes = [
    ...sizesOf(grouping),
    groupCount(grouping) * 4,
    groupCount(grouping) * 8,
    grouping.length * 64,
    tailBytes,
  ] as const;
  const room = roomFor(wasm, sizes);
  if (room === undefined) return 'no room';
  const at = placesOf(room.at);
  const [, , , , , , , , , , , outsides, energies, scratch, counts] = room.at;
  const { length, inner } = grouping;
  const { run } = wasm;
  const { delta, maxWidth } = options;
  putColumns(wasm, room.memory, values, grouping, at);
  const tau = tauOf(wasm, at.columns, values.length, options, counts);
  run.beginColumns();
  let outside = 0;
  for (const { first, group, columns } of blocksOf(grouping)) {
    const [lows, highs, places] = [at.lows + group * 4, at.highs + group * 4, outsides + group * 4];
    const from = at.columns + first * 4;
    outside += run.measureTabqColumns(from, length, columns, tau, scratch, lows, highs, places, energies + group * 8);
  }
  const narrow = delta >= 2 ** -18 && run.columnsAreNarrow() !== 0;
  const outlierRoom = roomFor(wasm, [...sizes, outside * 4, outside * 4]);
  if (outlierRoom === undefined) return 'no room';
  const { memory } = outlierRoom;
  const [, , , , , , , , , , , , , , , places, kept] = outlierRoom.at;
  if (outside > 0) run.takeOutliers(inner > 1 ? at.columns : at.numbers, values.length, tau, places, kept);
  const outliers = {
    at: new Uint32Array(memory.slice(places, places + outside * 4).buffer),
    values: new Float32Array(memory.slice(kept, kept + outside * 4).buffer),
  };
  for (const { first, group, columns } of blocksOf(grouping)) {
    const of = (place: number, size = 4) => place + group * size;
    run.tabqColumns(
      ...([at.columns + first * 4, length, columns, tau, delta, maxWidth, narrow, scratch] as const),
      ...([of(at.lows), of(at.highs), of(outsides), of(energies, 8)] as const),
      ...([of(at.starts), of(at.scales), of(at.inverses), of(at.widths, 1)] as const),
    );
  }
  return { steps: takeSteps(wasm, memory, grouping, form, narrow, at), outliers };
}

interface Block {
  /** Its first element and its first group. */
  readonly first: number;
  readonly group: number;
  readonly columns: number;
}

function blocksOf({ outer, length, inner }: Grouping): Block[] {
  if (inner === 1) return [{ first: 0, group: 0, columns: outer }];
  return Array.from({ length: outer }, (_, o) => ({ first: o * length * inner, group: o * inner, columns: inner }));
}

type Sizes = readonly [number, number, number, number, number, number, number, number, number, number, number];

/** Bytes of what `placesOf` names. */
function sizesOf(grouping: Grouping): Sizes {
  const groups = groupCount(grouping);
  const count = groupedElements(grouping);
  const numbers = grouping.inner === 1 ? count * 4 : 0;
  const each = groups * 4;
  return [numbers, count * 4, each, each, each, count, count, each, each, groups, count];
}

interface Places {
  /** The elements as they came, if they have to be turned. */
  readonly numbers: number;
  readonly columns: number;
  readonly lows: number;
  readonly highs: number;
  readonly inverses: number;
  /** Row after row of columns, then group after group. */
  readonly codes: number;
  readonly turned: number;
  /** From here on all that leaves, the packed codes last. */
  readonly starts: number;
  readonly scales: number;
  readonly widths: number;
  readonly packed: number;
}

function placesOf(at: readonly [...Sizes, ...number[]]): Places {
  const [numbers, columns, lows, highs, inverses, codes, turned, starts, scales, widths, packed] = at;
  return { numbers, columns, lows, highs, inverses, codes, turned, starts, scales, widths, packed };
}

function putColumns(
  wasm: WasmInstance,
  memory: Uint8Array,
  values: Float32Array,
  { outer, length, inner }: Grouping,
  at: Places,
): void {
  memory.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), inner > 1 ? at.columns : at.numbers);
  if (inner === 1) wasm.run.transposeNumbers(at.numbers, at.columns, outer, length);
}

function takeSteps(
  { run }: WasmInstance,
  memory: Uint8Array<ArrayBuffer>,
  grouping: Grouping,
  form: CodeForm,
  narrow: boolean,
  at: Places,
): Steps {
  const { length, inner } = grouping;
  const groups = groupCount(grouping);
  const count = groupedElements(grouping);
  const byGroup = form === 'packed' || inner === 1;
  for (const { first, group, columns } of blocksOf(grouping)) {
    const codes = at.codes + first;
    const [starts, inverses] = [at.starts + group * 4, at.inverses + group * 4];
    run.quantiseColumns(at.columns + first * 4, codes, length, columns, starts, inverses);
    if (byGroup) run.transposeBytes(codes, at.turned + first, length, columns);
  }
  const isPacked = form === 'packed';
  const end = isPacked ? run.packRows(at.turned, at.packed, groups, length, at.widths) : at.packed;
  const out = memory.slice(at.starts, end);
  const from = byGroup ? at.turned : at.codes;
  return {
    narrow,
    lows: new Float32Array(out.buffer, 0, groups),
    scales: new Float32Array(out.buffer, at.scales - at.starts, groups),
    widths: out.subarray(at.widths - at.starts, at.widths - at.starts + groups),
    codes: isPacked ? out.subarray(at.packed - at.starts) : memory.slice(from, from + count),
  };
}
