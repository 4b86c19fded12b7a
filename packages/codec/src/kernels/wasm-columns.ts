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
import { putArray, roomFor, type WasmInstance } from './wasm-instance.js';
import { tailSizes, takeOutliers } from './wasm-tail.js';

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
  const { outer, length, inner } = grouping;
  const { run } = wasm;
  const groups = groupCount(grouping);
  putArray(memory, inner > 1 ? at.columns : at.numbers, values);
  if (inner === 1) run.transposeNumbers(at.numbers, at.columns, outer, length);
  run.beginColumns();
  for (const { first, group, columns } of blocksOf(grouping)) {
    const [lows, highs] = [at.lows + group * 4, at.highs + group * 4];
    if (!run.measureColumns(at.columns + first * 4, length, columns, largestMagnitude, lows, highs)) return undefined;
  }
  const narrow = run.columnsAreNarrow() !== 0;
  run.affineColumns(groups, width, narrow, at.lows, at.highs, at.starts, at.scales, at.inverses);
  memory.fill(width, at.widths, at.widths + groups);
  quantise(wasm, grouping, at);
  if (isByGroup(grouping, form)) turn(wasm, grouping, at);
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
  const { length, inner } = grouping;
  const room = roomFor(wasm, [...sizesOf(grouping), length * 64 + 256, ...tailSizes(values.length)]);
  if (room === undefined) return 'no room';
  const { memory } = room;
  const at = placesOf(room.at);
  const [, , , , , , , , , , , scratch, counts, places] = room.at;
  const { run } = wasm;
  const { delta, maxWidth } = options;
  const numbers = inner > 1 ? at.columns : at.numbers;
  putArray(memory, numbers, values);
  const outliers = takeOutliers(wasm, { numbers, counts, places }, values, options).outliers;
  if (inner === 1) run.transposeNumbers(at.numbers, at.columns, grouping.outer, length);
  const byGroup = isByGroup(grouping, form);
  const encode = (narrow: boolean): boolean =>
    blocksOf(grouping).every(({ first, group, columns }) => {
      const [starts, scales, inverses] = [at.starts + group * 4, at.scales + group * 4, at.inverses + group * 4];
      const where = [starts, scales, inverses, at.widths + group, byGroup ? at.turned + first : 0] as const;
      const from = at.columns + first * 4;
      return run.tabqColumns(from, length, columns, delta, maxWidth, narrow, scratch, ...where) !== 0;
    });
  // Most tensors can be narrow; whether one can is known only when all groups have been looked at.
  const narrow = delta >= 2 ** -18 && encode(true);
  if (!narrow) encode(false);
  if (!byGroup) quantise(wasm, grouping, at);
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
  const blocks: Block[] = [];
  for (let o = 0; o < outer; o++) blocks.push({ first: o * length * inner, group: o * inner, columns: inner });
  return blocks;
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

/** Whether codes leave group by group, not in the tensor's order. */
function isByGroup({ inner }: Grouping, form: CodeForm): boolean {
  return form === 'packed' || inner === 1;
}

/** Writes the codes in the order of the columns. */
function quantise({ run }: WasmInstance, grouping: Grouping, at: Places): void {
  for (const { first, group, columns } of blocksOf(grouping)) {
    const [starts, inverses] = [at.starts + group * 4, at.inverses + group * 4];
    run.quantiseColumns(at.columns + first * 4, at.codes + first, grouping.length, columns, starts, inverses);
  }
}

/** Turns codes that lie in the order of the columns. */
function turn({ run }: WasmInstance, grouping: Grouping, at: Places): void {
  for (const { first, columns } of blocksOf(grouping)) {
    run.transposeBytes(at.codes + first, at.turned + first, grouping.length, columns);
  }
}

function takeSteps(
  { run }: WasmInstance,
  memory: Uint8Array<ArrayBuffer>,
  grouping: Grouping,
  form: CodeForm,
  narrow: boolean,
  at: Places,
): Steps {
  const groups = groupCount(grouping);
  const isPacked = form === 'packed';
  const end = isPacked ? run.packRows(at.turned, at.packed, groups, grouping.length, at.widths) : at.packed;
  const out = memory.slice(at.starts, end);
  const from = isByGroup(grouping, form) ? at.turned : at.codes;
  return {
    narrow,
    lows: new Float32Array(out.buffer, 0, groups),
    scales: new Float32Array(out.buffer, at.scales - at.starts, groups),
    widths: out.subarray(at.widths - at.starts, at.widths - at.starts + groups),
    codes: isPacked ? out.subarray(at.packed - at.starts) : memory.slice(from, from + groupedElements(grouping)),
  };
}
