import { bytesPerElement, elementCount } from '@cutpoint/core';
import { type ByteReader, type ByteWriter, damaged, varintBytes } from '../bytes.js';
import type { SymbolLayout } from '../entropy/layout.js';
import { type FloatTensor, type FloatTensorType, fromF32, toF32 } from '../floats.js';
import { groupingOf, rowLength } from '../grouping.js';
import { groupCount, type Kernels, type Outliers, type Steps, type TabqOptions } from '../kernels/kernels.js';
import { stepsOf, type TabqSettings } from '../parts.js';
import type { SymbolCoder } from '../symbol-coder.js';
import type { PartsBody } from './body.js';
import { normBound } from './bounds.js';
import { readBytes, writeBytes } from './coded-bytes.js';
import { readGaps, writeGaps } from './positions.js';
import { formFor, readCodes, readScales, writeCodes, writeScales } from './steps-io.js';

/** The sparse form costs six bytes for each outlier, so that more of them than this do not pay. */
const mostOutliers = 0.05;

/**
 * `ts-tabq`: outliers are kept as they are, NaN and infinities among them; each token of the rest takes the fewest bits
 * that keep its error within the budget (kernels/tabq.ts).
 */
export function tabqBody(settings: TabqSettings, kernels: Kernels, coder: SymbolCoder | undefined): PartsBody {
  const form = formFor(coder);
  const encode = (tensor: FloatTensor): { readonly steps: Steps; readonly outliers: Outliers } =>
    kernels.tabqEncode(toF32(tensor, kernels), groupingOf(tensor.shape, settings.token), tabqOptions(settings), form);
  const put: PartsBody['put'] = (parts, type, out) => {
    const { steps, grouping, outliers = none } = stepsOf(parts);
    writeOutliers(outliers, type.dtype, out, kernels, coder);
    writeWidths(steps.widths, out, coder);
    writeScales(steps, out, kernels, coder);
    writeCodes(steps, grouping, rowLength(type.shape), out, coder);
  };
  const take = (type: FloatTensorType, body: ByteReader) => {
    const grouping = groupingOf(type.shape, settings.token);
    const outliersFrom = body.at;
    const outliers = readOutliers(type, body, kernels, coder);
    const kept = outliers.at.length;
    const gapsAt = outliersFrom + varintBytes(kept);
    const widthsAt = body.at;
    const valuesAt = widthsAt - kept * bytesPerElement[keptAs(type.dtype)];
    const widths = readWidths(groupCount(grouping), body, coder);
    const { places, ...scales } = readScales(widths, body, kernels, coder);
    const codesAt = body.at;
    const codes = readCodes(widths, grouping, rowLength(type.shape), body, coder);
    return {
      parts: { kind: 'steps', grouping, form, steps: { ...scales, codes }, outliers } as const,
      places: { kind: 'steps', outliers: { gapsAt, valuesAt }, widths: { at: widthsAt }, ...places, codesAt } as const,
    };
  };
  return {
    put,
    take,
    write: (tensor, out) => {
      const grouping = groupingOf(tensor.shape, settings.token);
      put({ kind: 'steps', grouping, form, ...encode(tensor) }, tensor, out);
    },
    read: (type, body) => {
      const { steps, grouping, outliers } = take(type, body).parts;
      return fromF32(kernels.decodeSteps(steps, grouping, form, outliers), type, kernels);
    },
    bound: (tensor) =>
      normBound(tensor, kernels, Math.sqrt(mostSquaredError(tensor, settings, kernels, encode(tensor)))),
  };
}

/** How tightly `tabqEncode` quantises under these settings. */
export function tabqOptions({ tau, rho, delta, max }: TabqSettings): TabqOptions {
  return { least: tau ?? 0, rho: tau === undefined ? rho : mostOutliers, delta, maxWidth: max };
}

const none: Outliers = { at: new Uint32Array(0), values: new Float32Array(0) };

/**
 * Of each group: delta times the sum of squares of what is no outlier, which is how its width was chosen; or, at the
 * largest width, half a step for each element. A thousandth more, as the search computes in f32.
 */
function mostSquaredError(
  tensor: FloatTensor,
  settings: TabqSettings,
  kernels: Kernels,
  { steps, outliers }: { readonly steps: Steps; readonly outliers: Outliers },
): number {
  const { length, inner } = groupingOf(tensor.shape, settings.token);
  const values = toF32(tensor, kernels).slice();
  for (const place of outliers.at) values[place] = 0;
  const energy = new Float64Array(steps.lows.length);
  let squares = 0;
  for (let at = 0; at < values.length; at++) {
    const group = Math.floor(at / (length * inner)) * inner + (at % inner);
    const square = (values[at] ?? 0) ** 2;
    energy[group] = (energy[group] ?? 0) + square;
    squares += square;
  }
  let sum = 0;
  for (let g = 0; g < energy.length; g++) {
    const scale = steps.scales[g] ?? 0;
    const atMost = steps.widths[g] === settings.max ? length * (scale * (0.5 + 2 ** -13)) ** 2 : 0;
    sum += steps.widths[g] === 0 ? 0 : Math.max(settings.delta * (energy[g] ?? 0), atMost);
  }
  return sum * 1.001 + squares * 2 ** -42 + values.length * 2 ** -290;
}

/** Writes where the outliers are and what, in the element type of the tensor, f64 as f32. */
function writeOutliers(
  { at, values }: Outliers,
  dtype: FloatTensor['dtype'],
  out: ByteWriter,
  kernels: Kernels,
  coder: SymbolCoder | undefined,
): void {
  writeGaps(out, at, coder);
  const exact = fromF32(values, { dtype: keptAs(dtype), shape: [values.length] }, kernels);
  writeBytes(out, exact.data, { bytes: bytesPerElement[keptAs(dtype)], row: 1 }, coder);
}

function readOutliers(
  { dtype, shape }: FloatTensorType,
  body: ByteReader,
  kernels: Kernels,
  coder: SymbolCoder | undefined,
): Outliers {
  const at = readGaps(body, elementCount(shape), coder);
  const kept = keptAs(dtype);
  const size = bytesPerElement[kept];
  const data = new Uint8Array(readBytes(body, at.length * size, { bytes: size, row: 1 }, coder));
  return { at, values: toF32({ dtype: kept, shape: [at.length], data }, kernels) };
}

function keptAs(dtype: FloatTensor['dtype']): FloatTensor['dtype'] {
  return dtype === 'f64' ? 'f32' : dtype;
}

/** A symbol for each width: 0, or 1 to 7 for 2 to 8. */
function writeWidths(widths: Uint8Array, out: ByteWriter, coder: SymbolCoder | undefined): void {
  const count = widths.length;
  // Loops here and below, and whole eights, as with short groups there are many.
  const symbols = new Uint8Array(Math.ceil(count / 8) * 8);
  for (let g = 0; g < count; g++) {
    const width = widths[g] as number;
    symbols[g] = width === 0 ? 0 : width - 1;
  }
  if (coder === undefined) {
    out.bytes(packThrees(symbols).subarray(0, threesBytes(count)));
    return;
  }
  if (count === 0) return;
  const coded = coder.encode(symbols.subarray(0, count), widthLayout(count));
  out.varint(coded.length);
  out.bytes(coded);
}

function readWidths(count: number, body: ByteReader, coder: SymbolCoder | undefined): Uint8Array<ArrayBuffer> {
  let symbols: Uint8Array<ArrayBuffer>;
  if (coder === undefined) symbols = unpackThrees(body.bytes(threesBytes(count)), count);
  else if (count === 0) symbols = new Uint8Array(0);
  else symbols = coder.decode(body.bytes(body.varint(body.left)), widthLayout(count));
  for (let g = 0; g < symbols.length; g++) {
    const symbol = symbols[g] as number;
    if (symbol > 7) throw damaged('has a width that no code has');
    if (symbol > 0) symbols[g] = symbol + 1;
  }
  return symbols;
}

function widthLayout(count: number): SymbolLayout {
  return { count, alphabet: 8, classes: 1, left: 1, up: 1 };
}

function threesBytes(count: number): number {
  return Math.ceil((count * 3) / 8);
}

/** Three bits for each symbol, the lowest first. @param symbols a multiple of eight of them */
function packThrees(symbols: Uint8Array): Uint8Array {
  const packed = new Uint8Array(threesBytes(symbols.length));
  for (let from = 0, to = 0; from < symbols.length; to += 3) {
    let bits = 0;
    for (let shift = 0; shift < 24; shift += 3) bits |= (symbols[from++] as number) << shift;
    packed[to] = bits;
    packed[to + 1] = bits >> 8;
    packed[to + 2] = bits >> 16;
  }
  return packed;
}

/** The symbols that `packThrees` packed. */
function unpackThrees(packed: Uint8Array, count: number): Uint8Array<ArrayBuffer> {
  const eights = Math.ceil(count / 8);
  const whole = new Uint8Array(eights * 3);
  whole.set(packed);
  const symbols = new Uint8Array(eights * 8);
  for (let from = 0, to = 0; from < whole.length; from += 3) {
    const bits = (whole[from] as number) | ((whole[from + 1] as number) << 8) | ((whole[from + 2] as number) << 16);
    for (let shift = 0; shift < 24; shift += 3) symbols[to++] = (bits >> shift) & 7;
  }
  return symbols.subarray(0, count);
}
