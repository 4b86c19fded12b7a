import type { ByteReader, ByteWriter } from '../bytes.js';
import { damaged } from '../bytes.js';
import type { SymbolLayout } from '../entropy/layout.js';
import { type CodeForm, type Grouping, groupedElements, type Kernels, type Steps } from '../kernels/kernels.js';
import { packedBytes } from '../kernels/pack.js';
import type { SymbolCoder } from '../symbol-coder.js';
import { readBytes, writeBytes } from './coded-bytes.js';

/** Codes go to an entropy coder as bytes, else they are packed. */
export function formFor(coder: SymbolCoder | undefined): CodeForm {
  return coder === undefined ? 'packed' : 'bytes';
}

/**
 * Writes whether the steps are narrow (a byte), then the low of each group, then the scales of those that have a width,
 * as binary16 if narrow, else as f32.
 */
export function writeScales(
  { narrow, lows, scales, widths }: Steps,
  out: ByteWriter,
  kernels: Kernels,
  coder: SymbolCoder | undefined,
): void {
  // Lows and scales together, as each array takes time to make.
  const numbers = new Float32Array(lows.length + countKept(widths));
  numbers.set(lows);
  if (numbers.length === 2 * lows.length) numbers.set(scales, lows.length);
  else putKept(numbers.subarray(lows.length), scales, widths);
  const bytes = bytesOf(narrow ? halvesOf(numbers, kernels) : numbers);
  const size = sizeOf(narrow);
  out.u8(narrow ? 1 : 0);
  writeBytes(out, bytes.subarray(0, lows.length * size), { bytes: size, row: 1 }, coder);
  writeBytes(out, bytes.subarray(lows.length * size), { bytes: size, row: 1 }, coder);
}

function sizeOf(narrow: boolean): number {
  return narrow ? 2 : 4;
}

function halvesOf(numbers: Float32Array, kernels: Kernels): Uint16Array<ArrayBuffer> {
  const halves = new Uint16Array(numbers.length);
  kernels.toHalves(numbers, halves);
  return halves;
}

/** Puts the scales of groups that have a width. Loops here and below: with short groups, there are many. */
function putKept(kept: Float32Array, scales: Float32Array, widths: Uint8Array): void {
  for (let g = 0, next = 0; g < widths.length; g++) if (widths[g] !== 0) kept[next++] = scales[g] as number;
}

function countKept(widths: Uint8Array): number {
  let count = 0;
  for (let g = 0; g < widths.length; g++) if (widths[g] !== 0) count++;
  return count;
}

/** Above what a group may reach, which is from -2^126 to 2^126 and a step, and below what f32 holds. */
const largestStep = 3e38;

/** What `writeScales` wrote, and where it stood unless it was coded. @throws CutpointError CUT_CODEC_PAYLOAD if a group could decode to what is not finite. */
export function readScales(
  widths: Uint8Array<ArrayBuffer>,
  body: ByteReader,
  kernels: Kernels,
  coder: SymbolCoder | undefined,
): Omit<Steps, 'codes'> & { readonly places: { readonly lowsAt: number; readonly scalesAt: number } } {
  const form = body.u8();
  if (form > 1) throw damaged('has steps of an unknown form');
  const narrow = form === 1;
  const groups = widths.length;
  const places = { lowsAt: body.at, scalesAt: body.at + groups * sizeOf(narrow) };
  const numbers = readNumbers([groups, countKept(widths)], narrow, body, kernels, coder);
  const lows = numbers.subarray(0, groups);
  const kept = numbers.subarray(groups);
  const scales = kept.length === groups ? kept : new Float32Array(groups);
  for (let g = 0, next = 0; g < widths.length; g++) {
    const width = widths[g] as number;
    if (width !== 0) scales[g] = kept[next++] as number;
    const scale = scales[g] as number;
    const most = Math.abs(lows[g] as number) + ((1 << width) - 1) * scale;
    if (!(scale >= 0 && most < largestStep)) throw damaged('has a step that is not finite');
  }
  return { narrow, lows, scales, widths, places };
}

/** So many numbers, and then so many more. */
function readNumbers(
  counts: readonly [number, number],
  narrow: boolean,
  body: ByteReader,
  kernels: Kernels,
  coder: SymbolCoder | undefined,
): Float32Array<ArrayBuffer> {
  const size = sizeOf(narrow);
  const layout = { bytes: size, row: 1 };
  const first = readBytes(body, counts[0] * size, layout, coder);
  const second = readBytes(body, counts[1] * size, layout, coder);
  const numbers = new Float32Array(counts[0] + counts[1]);
  const halves = narrow ? new Uint16Array(numbers.length) : undefined;
  const bytes = bytesOf(halves ?? numbers);
  bytes.set(first);
  bytes.set(second, first.length);
  if (halves !== undefined) kernels.fromHalves(halves, numbers);
  return numbers;
}

/**
 * Writes the codes: packed as they are, or through the entropy coder, for which those of groups of the same width are alike.
 * @param row how many places before each code the one above it lies.
 */
export function writeCodes(
  { widths, codes }: Steps,
  grouping: Grouping,
  row: number,
  out: ByteWriter,
  coder: SymbolCoder | undefined,
): void {
  if (coder === undefined) {
    out.bytes(codes);
    return;
  }
  if (codes.length === 0) return;
  const coded = coder.encode(codes, codeLayout(widths, grouping, row));
  out.varint(coded.length);
  out.bytes(coded);
}

/** The codes that `writeCodes` wrote: a view where they are packed. */
export function readCodes(
  widths: Uint8Array,
  grouping: Grouping,
  row: number,
  body: ByteReader,
  coder: SymbolCoder | undefined,
): Uint8Array {
  if (coder === undefined) return body.bytes(packedBytes(widths, grouping.length));
  if (groupedElements(grouping) === 0) return new Uint8Array(0);
  return coder.decode(body.bytes(body.varint(body.left)), codeLayout(widths, grouping, row));
}

function codeLayout(widths: Uint8Array, grouping: Grouping, row: number): SymbolLayout {
  const present = presentIn(widths);
  const most = present.lastIndexOf(1);
  const place = { count: groupedElements(grouping), alphabet: 1 << Math.max(most, 2), left: 1, up: row };
  // Loops, as with short groups there are many.
  const numbers = new Uint8Array(present.length);
  let classes = 0;
  for (let width = 0; width <= most; width++) if (present[width] === 1) numbers[width] = classes++;
  if (classes <= 1) return { ...place, classes: 1 };
  const own = new Uint8Array(widths.length);
  for (let g = 0; g < widths.length; g++) own[g] = numbers[widths[g] as number] as number;
  return { ...place, own: byElement(own, grouping), classes };
}

const mostWidth = 8;

/** For each width 1 if a group has it. */
function presentIn(widths: Uint8Array): Uint8Array {
  const present = new Uint8Array(mostWidth + 1);
  for (let g = 0; g < widths.length; g++) present[widths[g] as number] = 1;
  return present;
}

/** For each element, in the tensor's order, the number of its group. */
function byElement(numbers: Uint8Array, { outer, length, inner }: Grouping): Uint8Array {
  const all = new Uint8Array(outer * length * inner);
  for (let o = 0, at = 0; o < outer; o++) {
    const own = numbers.subarray(o * inner, (o + 1) * inner);
    if (inner === 1) {
      all.fill(own[0] ?? 0, at, at + length);
      at += length;
      continue;
    }
    const end = at + length * inner;
    all.set(own, at);
    // What is there already once more, and so on: twice as much each time.
    for (let have = inner; have < end - at; have *= 2) all.copyWithin(at + have, at, Math.min(at + have, end - have));
    at = end;
  }
  return all;
}

function bytesOf({ buffer, byteOffset, byteLength }: Uint16Array<ArrayBuffer> | Float32Array<ArrayBuffer>): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
