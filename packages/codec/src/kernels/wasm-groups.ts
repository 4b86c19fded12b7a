import { affineEncode, decodeSteps as decodeInTypescript, restoreOutliers } from './affine.js';
import {
  type CodeForm,
  type Grouping,
  groupCount,
  groupedElements,
  type Outliers,
  type Steps,
  type TabqOptions,
} from './kernels.js';
import { tabqEncode } from './tabq.js';
import { encodeAffineColumns, encodeTabqColumns, suitColumns } from './wasm-columns.js';
import { putArray, roomFor, type WasmInstance } from './wasm-instance.js';
import { tailSizes, takeOutliers } from './wasm-tail.js';

/*
 * In the module groups are rows, or columns where that is faster (wasm-columns.ts). Where rows are columns of a tensor, its
 * elements are turned before they are quantised; on the way back the codes are, as they are smaller. A tensor too large for the module's memory is left to the plain
 * kernels, which give the same bytes.
 */

/** See `affineEncode` in affine.ts. */
export function encodeAffine(
  wasm: WasmInstance,
  values: Float32Array,
  grouping: Grouping,
  width: number,
  form: CodeForm,
): Steps | undefined {
  if (suitColumns(grouping)) {
    const steps = encodeAffineColumns(wasm, values, grouping, width, form);
    return steps === 'no room' ? affineEncode(values, grouping, width, form) : steps;
  }
  const groups = groupCount(grouping);
  const count = values.length;
  const room = roomFor(wasm, [...valueRoom(count, grouping), groups * 4, groups * 4, groups, count, count]);
  if (room === undefined) return affineEncode(values, grouping, width, form);
  const [numbers, rows, lows, scales, widths, codes, output] = room.at;
  putArray(room.memory, grouping.inner > 1 ? numbers : rows, values);
  if (grouping.inner > 1) turnNumbers(wasm, grouping, numbers, rows);
  const narrow = wasm.run.affineEncode(rows, groups, grouping.length, width, lows, scales, codes);
  if (narrow < 0) return undefined;
  room.memory.fill(width, widths, widths + groups);
  return takeSteps(wasm, room.memory, grouping, form, narrow === 1, { lows, scales, widths, codes, output });
}

/** See `tabqEncode` in tabq.ts. */
export function encodeTabq(
  wasm: WasmInstance,
  values: Float32Array,
  grouping: Grouping,
  options: TabqOptions,
  form: CodeForm,
): { readonly steps: Steps; readonly outliers: Outliers } {
  if (suitColumns(grouping)) {
    const coded = encodeTabqColumns(wasm, values, grouping, options, form);
    return coded === 'no room' ? tabqEncode(values, grouping, options, form) : coded;
  }
  const groups = groupCount(grouping);
  const count = values.length;
  const rowSizes = [groups * 4, groups * 4, groups, groups * 4, groups * 8] as const;
  const room = roomFor(wasm, [...valueRoom(count, grouping), ...rowSizes, count, count, ...tailSizes(count)]);
  if (room === undefined) return tabqEncode(values, grouping, options, form);
  const { memory } = room;
  const [turned, rows, lows, scales, widths, outsides, energies, codes, output, counts, places] = room.at;
  const { delta, maxWidth } = options;
  const { run } = wasm;
  const { length, inner } = grouping;
  const numbers = inner > 1 ? turned : rows;
  putArray(memory, numbers, values);
  const { tau, outliers } = takeOutliers(wasm, { numbers, counts, places }, values, options);
  if (inner > 1) turnNumbers(wasm, grouping, numbers, rows);
  run.measureRows(rows, groups, length, tau, lows, scales, outsides, energies);
  const narrow = delta >= 2 ** -18 && run.areNarrow() !== 0;
  const at = { lows, scales, widths, codes, output };
  run.encodeRows(rows, groups, length, tau, delta, maxWidth, narrow, lows, scales, outsides, energies, widths, codes);
  return { steps: takeSteps(wasm, memory, grouping, form, narrow, at), outliers };
}

/** See `decodeSteps` in affine.ts. */
export function decodeSteps(
  wasm: WasmInstance,
  steps: Steps,
  grouping: Grouping,
  form: CodeForm,
  outliers: Outliers | undefined,
): Float32Array<ArrayBuffer> {
  const { outer, length, inner } = grouping;
  const groups = groupCount(grouping);
  const count = groupedElements(grouping);
  const packedLength = form === 'packed' ? steps.codes.length : 0;
  const turned = form === 'packed' && inner > 1 ? count : 0;
  const room = roomFor(wasm, [groups * 4, groups * 4, groups, packedLength, turned, count, count * 4]);
  if (room === undefined) return decodeInTypescript(steps, grouping, form, outliers);
  const { memory, at } = room;
  const [lows, scales, widths, packed, rows, codes, numbers] = at;
  putArray(memory, lows, steps.lows);
  putArray(memory, scales, steps.scales);
  if (form === 'packed') {
    memory.set(steps.widths, widths);
    memory.set(steps.codes, packed);
    wasm.run.unpackRows(packed, inner > 1 ? rows : codes, groups, length, widths);
    if (inner > 1) turn(wasm, grouping, rows, codes);
  } else memory.set(steps.codes, codes);
  if (inner === 1) wasm.run.restoreRows(codes, numbers, groups, length, lows, scales);
  else {
    for (let o = 0; o < outer; o++) {
      const first = o * length * inner;
      const group = o * inner * 4;
      wasm.run.restoreColumns(codes + first, numbers + first * 4, length, inner, lows + group, scales + group);
    }
  }
  const elements = wasm.views().f32.slice(numbers / 4, numbers / 4 + count);
  if (outliers !== undefined) restoreOutliers(outliers, elements);
  return elements;
}

/** Room for the elements, and for them again if they are turned. */
function valueRoom(count: number, { inner }: Grouping): readonly [number, number] {
  return inner > 1 ? [count * 4, count * 4] : [0, count * 4];
}

/** Turns columns into rows. */
function turnNumbers(wasm: WasmInstance, { outer, length, inner }: Grouping, numbers: number, rows: number): void {
  for (let o = 0; o < outer; o++) {
    const first = o * length * inner * 4;
    wasm.run.transposeNumbers(numbers + first, rows + first, length, inner);
  }
}

/** Turns codes that lie group after group into the tensor's order. */
function turn(wasm: WasmInstance, { outer, length, inner }: Grouping, rows: number, codes: number): void {
  for (let o = 0; o < outer; o++) {
    const first = o * length * inner;
    wasm.run.transposeBytes(rows + first, codes + first, inner, length);
  }
}

interface StepsAt {
  readonly lows: number;
  readonly scales: number;
  readonly widths: number;
  /** Group after group. */
  readonly codes: number;
  /** Room for what leaves. */
  readonly output: number;
}

function takeSteps(
  wasm: WasmInstance,
  memory: Uint8Array<ArrayBuffer>,
  grouping: Grouping,
  form: CodeForm,
  narrow: boolean,
  at: StepsAt,
): Steps {
  const groups = groupCount(grouping);
  let from = at.output;
  let end = at.output + groupedElements(grouping);
  if (form === 'packed') end = wasm.run.packRows(at.codes, at.output, groups, grouping.length, at.widths);
  else if (grouping.inner > 1) turn(wasm, grouping, at.codes, at.output);
  else {
    from = at.codes;
    end = at.codes + groupedElements(grouping);
  }
  return {
    narrow,
    lows: new Float32Array(memory.slice(at.lows, at.lows + groups * 4).buffer),
    scales: new Float32Array(memory.slice(at.scales, at.scales + groups * 4).buffer),
    widths: memory.slice(at.widths, at.widths + groups),
    codes: memory.slice(from, end),
  };
}
