/** The coefficients of a sample as symbols, and back; defined in src/transform/coefficients.ts. */

import {
  beginDecoding,
  beginOps,
  endDecoding,
  endOfOps,
  fault,
  noFault,
  put,
  putBits,
  setFault,
  sizeFault,
  take,
  takeBits,
} from '../rans';
import {
  beginComponent,
  beginSample,
  classOf,
  endComponent,
  known,
  planeBytes,
  ratioOf,
  rowBytes,
  weightsOf,
} from './contexts';

const mostCell = 31;
const farSymbol = 63;
const startsBytes = 65 * 2;
const firstsBytes = 256;

/** Distributions of the classes: see `take` for what lies there, class after class. */
let allStarts: usize = 0;
let allFirsts: usize = 0;

/**
 * Writes the ops of the coefficients (i32) of one sample.
 * @param magnitudes u32 for each coefficient, or if not `perPlace` for each component
 * @param groups u8 for each component: which of the rows of 13 `weights` (u16) is its
 * @param planes room, as `beginSample` asks for
 * @param ops room for six u32 for each coefficient
 * @returns where the ops end
 */
export function encodeCoefficients(
  values: usize,
  channels: i32,
  height: i32,
  width: i32,
  magnitudes: usize,
  perPlace: bool,
  groups: usize,
  weights: usize,
  starts: usize,
  planes: usize,
  ops: usize,
): usize {
  allStarts = starts;
  beginOps(ops);
  codeSample(false, values, channels, height, width, magnitudes, perPlace, groups, weights, planes);
  return endOfOps();
}

/**
 * Reads coefficients as `encodeCoefficients` writes them.
 * @param position the state and the hash of the decoder (u32 each); the next ones are written there, and behind them
 *   whether there was a fault (see rans.ts), in which case nothing else counts
 * @returns how many bytes were taken
 */
export function decodeCoefficients(
  values: usize,
  channels: i32,
  height: i32,
  width: i32,
  magnitudes: usize,
  perPlace: bool,
  groups: usize,
  weights: usize,
  starts: usize,
  firsts: usize,
  planes: usize,
  bytes: usize,
  length: i32,
  position: usize,
): i32 {
  allStarts = starts;
  allFirsts = firsts;
  beginDecoding(bytes, length, position);
  codeSample(true, values, channels, height, width, magnitudes, perPlace, groups, weights, planes);
  store<i32>(position, fault(), 8);
  return endDecoding(bytes, position);
}

function codeSample(
  isDecoding: bool,
  values: usize,
  channels: i32,
  height: i32,
  width: i32,
  magnitudes: usize,
  perPlace: bool,
  groups: usize,
  weights: usize,
  planes: usize,
): void {
  let ratios = beginSample(planes, channels, height, width);
  const magnitudeBytes: usize = perPlace ? 4 : 0;
  for (let component = 0; component < channels; component++, ratios += planeBytes) {
    const own = weightsOf(component, groups, weights);
    beginComponent(ratios, own);
    for (let row = 0; row < height; row++) {
      codeRow(isDecoding, values, width, magnitudes, magnitudeBytes, own, ratios, (<usize>row + 1) * rowBytes + 4);
      if (isDecoding && fault() !== noFault) return;
      values += <usize>width * 4;
      magnitudes += <usize>width * magnitudeBytes;
    }
    if (!perPlace) magnitudes += 4;
    endComponent(ratios);
  }
}

/** @param place of the first coefficient in its plane, in bytes */
function codeRow(
  isDecoding: bool,
  values: usize,
  width: i32,
  magnitudes: usize,
  magnitudeBytes: usize,
  weights: usize,
  ratios: usize,
  place: usize,
): void {
  const w0 = <i32>load<u16>(weights);
  const w1 = <i32>load<u16>(weights, 2);
  const w2 = <i32>load<u16>(weights, 4);
  const w3 = <i32>load<u16>(weights, 6);
  let here = ratios + place;
  let foretold = known + place;
  let above = here - rowBytes;
  let left = 0;
  for (const end = values + <usize>width * 4; values < end; values += 4, magnitudes += magnitudeBytes) {
    const magnitude = load<u32>(magnitudes);
    const index = classOf(
      magnitude,
      load<i32>(foretold) + w0 * left + w1 * load<i32>(above) + w2 * load<i32>(above - 4) + w3 * load<i32>(above, 4),
    );
    let value: i32;
    if (isDecoding) {
      value = decodeOne(index);
      store<i32>(values, value);
    } else {
      value = load<i32>(values);
      encodeOne(index, value);
    }
    left = value === 0 ? 0 : ratioOf(abs<i32>(value), magnitude);
    store<i32>(here, left);
    here += 4;
    above += 4;
    foretold += 4;
  }
}

/** How many of the lowest bits of a coefficient go as they are. */
function plainBits(index: i32): i32 {
  return max(0, (index >> 2) - 11);
}

function encodeOne(index: i32, value: i32): void {
  const plain = plainBits(index);
  const cell = value >> plain;
  const isFar = cell > mostCell || cell < -mostCell;
  const symbol = isFar ? farSymbol : cell > 0 ? 2 * cell - 1 : -2 * cell;
  put(load<u32>(allStarts + <usize>index * startsBytes + <usize>symbol * 2));
  if (isFar) putFar(cell);
  if (plain > 0) putBits(value & ((1 << plain) - 1), plain);
}

function decodeOne(index: i32): i32 {
  const symbol = take(allStarts + <usize>index * startsBytes, allFirsts + <usize>index * firstsBytes);
  const cell = symbol === farSymbol ? takeFar() : (symbol & 1) !== 0 ? (symbol + 1) >> 1 : -(symbol >> 1);
  const plain = plainBits(index);
  return plain === 0 ? cell : (cell << plain) | takeBits(plain);
}

/** Sign, then the excess over the last cell with a symbol by an Elias gamma code. */
function putFar(cell: i32): void {
  putBits(cell < 0 ? 1 : 0, 1);
  const excess = abs<i32>(cell) - mostCell;
  const width = 31 - clz<i32>(excess);
  putBits(width, 5);
  for (let left = width; left > 0; left -= min(left, 12)) {
    const bits = min(left, 12);
    putBits((excess >>> (left - bits)) & ((1 << bits) - 1), bits);
  }
}

function takeFar(): i32 {
  const isNegative = takeBits(1) === 1;
  const width = takeBits(5);
  if (width > 22) {
    setFault(sizeFault);
    return 0;
  }
  let excess = 1;
  for (let left = width; left > 0; left -= min(left, 12)) {
    const bits = min(left, 12);
    excess = (excess << bits) | takeBits(bits);
  }
  return isNegative ? -(excess + mostCell) : excess + mostCell;
}
