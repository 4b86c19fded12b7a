import { asCutpointError, CutpointError } from '@cutpoint/core';
import { ByteReader, ByteWriter } from '../bytes.js';
import { StaticTable } from '../entropy/table.js';
import { checksum } from '../kernels/checksum.js';
import { symbolCount } from './coefficients.js';
import { classCount, featureCount, mostWeight } from './contexts.js';
import { defectOf } from './matrix.js';
import { type Geometry, mostFrequencies, mostRotated, type TransformTable } from './table.js';

const magic = 0x54_54_50_43; // "CPTT"
const version = 1;
const mostName = 1024;
const mostChannels = 4096;
const mostSide = 4096;
const mostCoefficients = 1 << 26;
const mostMagnitude = 2 ** 26;
const mostGroups = 64;
/** Matrices further from orthonormal than this are refused: they would blow errors up. */
const mostDefect = 1e-3;

/** A table as the bytes of a file: what ships with the segments of a cut. */
export function printTransformTable(table: TransformTable): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter();
  const { geometry } = table;
  writeWord(out, magic);
  out.u8(version);
  writeName(out, table.modelHash);
  out.varint(table.cut);
  writeName(out, table.tensor);
  out.u8(geometry.kind === 'map' ? 1 : 0);
  out.varint(geometry.channels);
  if (geometry.kind === 'map') for (const side of [geometry.height, geometry.width]) out.varint(side);
  writeFloats(out, Float32Array.of(table.step));
  writeFloats(out, table.mean);
  out.u8((table.rotation === undefined ? 0 : 1) + (table.spatial === undefined ? 0 : 2));
  if (table.rotation !== undefined) writeFloats(out, table.rotation);
  if (table.spatial !== undefined) for (const one of Object.values(table.spatial)) writeFloats(out, one);
  for (const magnitude of table.magnitudes) out.varint(magnitude);
  out.varint(table.weights.length / featureCount);
  for (const group of table.groups) out.u8(group);
  for (const weight of table.weights) out.varint(weight);
  for (const { starts, symbols } of table.classes) {
    for (let s = 0; s < symbols; s++) out.varint((starts[s + 1] ?? 0) - (starts[s] ?? 0));
  }
  return out.sealed(checksum);
}

/**
 * The table of a file, however hostile: lengths are checked before anything is allocated.
 * @throws CutpointError CUT_CODEC_TABLE if the bytes are no table of this version, or damaged.
 */
export function parseTransformTable(bytes: Uint8Array): TransformTable {
  try {
    const body = bytes.subarray(0, Math.max(0, bytes.length - 4));
    if (new ByteReader(bytes.subarray(body.length)).u32() !== checksum(body)) throw wrong('its bytes were changed');
    const input = new ByteReader(body);
    const table = readTable(input);
    input.end();
    return table;
  } catch (error) {
    if (error instanceof CutpointError && error.code === 'CUT_CODEC_TABLE') throw error;
    const cause = asCutpointError(error, 'CUT_CODEC_TABLE');
    throw new CutpointError('CUT_CODEC_TABLE', `${sentence('it is damaged')}`, { cause });
  }
}

function readTable(input: ByteReader): TransformTable {
  if (input.u32() !== magic) throw wrong('it is some other file');
  if (input.u8() !== version) throw wrong('it is of another version');
  const modelHash = readName(input);
  const cut = input.varint(2 ** 31);
  const tensor = readName(input);
  const geometry = readGeometry(input);
  const { channels } = geometry;
  const [step = 0] = readFloats(input, 1);
  if (!(step > 0)) throw wrong('its step is not above zero');
  const mean = readFloats(input, channels);
  const flags = input.u8();
  const rotation = (flags & 1) === 0 ? undefined : readSquare(input, channels, mostRotated);
  if ((flags & 2) !== 0 && geometry.kind !== 'map') throw wrong('sequences have no frequencies');
  const spatial =
    (flags & 2) === 0 || geometry.kind !== 'map'
      ? undefined
      : {
          vertical: readSquare(input, geometry.height, mostFrequencies),
          horizontal: readSquare(input, geometry.width, mostFrequencies),
        };
  const places = geometry.kind === 'map' ? geometry.height * geometry.width : 1;
  const magnitudes = new Uint32Array(readNumbers(input, channels * places, mostMagnitude));
  const groupCount = input.varint(mostGroups);
  const groups = new Uint8Array(input.bytes(channels));
  if (groups.some((group) => group >= groupCount)) throw wrong('a component has no weights');
  return {
    modelHash,
    cut,
    tensor,
    geometry,
    step,
    mean,
    ...(rotation === undefined ? {} : { rotation }),
    ...(spatial === undefined ? {} : { spatial }),
    magnitudes,
    groups,
    weights: new Uint16Array(readNumbers(input, groupCount * featureCount, mostWeight)),
    classes: Array.from({ length: classCount }, () => readClass(input)),
  };
}

function readGeometry(input: ByteReader): Geometry {
  const isMap = input.u8() === 1;
  const channels = input.varint(mostChannels);
  if (channels === 0) throw wrong('it has no channels');
  if (!isMap) return { kind: 'sequence', channels };
  const height = input.varint(mostSide);
  const width = input.varint(mostSide);
  const count = channels * height * width;
  if (count === 0 || count > mostCoefficients) throw wrong('its maps are empty or too large');
  return { kind: 'map', channels, height, width };
}

/** Frequencies of all symbols, none of them zero: every coefficient can be coded in every class. */
function readClass(input: ByteReader): StaticTable {
  const frequencies = readNumbers(input, symbolCount, 1 << 14);
  if (frequencies.includes(0)) throw wrong('a symbol cannot be coded');
  return new StaticTable(frequencies);
}

function readNumbers(input: ByteReader, count: number, most: number): number[] {
  if (count > input.left) throw wrong('it is cut short');
  return Array.from({ length: count }, () => input.varint(most));
}

function readSquare(input: ByteReader, size: number, most: number): Float32Array {
  if (size > most) throw wrong(`a matrix has more than ${most} rows`);
  const matrix = readFloats(input, size * size);
  if (!(defectOf(matrix, size) <= mostDefect)) throw wrong('a matrix is not orthonormal');
  return matrix;
}

function readFloats(input: ByteReader, count: number): Float32Array {
  const { buffer, byteOffset } = input.bytes(count * 4);
  const view = new DataView(buffer, byteOffset, count * 4);
  const values = new Float32Array(count);
  for (let i = 0; i < count; i++) values[i] = view.getFloat32(i * 4, true);
  if (!values.every(Number.isFinite)) throw wrong('a number is not finite');
  return values;
}

/** Four bytes, lowest first. */
function writeWord(out: ByteWriter, word: number): void {
  for (let shift = 0; shift < 32; shift += 8) out.u8((word >>> shift) & 0xff);
}

function writeFloats(out: ByteWriter, values: Float32Array): void {
  const view = new DataView(new ArrayBuffer(values.length * 4));
  for (const [i, value] of values.entries()) view.setFloat32(i * 4, value, true);
  out.bytes(new Uint8Array(view.buffer));
}

function writeName(out: ByteWriter, name: string): void {
  if (name.length > mostName)
    throw new CutpointError('CUT_CODEC_TABLE', `A name of ${name.length} characters is too long.`);
  out.varint(name.length);
  for (let i = 0; i < name.length; i++) out.varint(name.charCodeAt(i));
}

function readName(input: ByteReader): string {
  const length = input.varint(mostName);
  return String.fromCharCode(...Array.from({ length }, () => input.varint(0xff_ff)));
}

function wrong(why: string): CutpointError {
  return new CutpointError('CUT_CODEC_TABLE', sentence(why));
}

function sentence(why: string): string {
  return `The table of a transform codec cannot be used, as ${why}: calibrate the cut again.`;
}
