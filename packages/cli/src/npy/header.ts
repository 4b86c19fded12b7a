import { CutpointError } from '@cutpoint/core';

/** What the header of a .npy file says. */
export interface NpyHeader {
  readonly descr: string;
  readonly fortranOrder: boolean;
  readonly shape: readonly number[];
}

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
const maxHeaderBytes = 65_536;
const maxRank = 32;

/**
 * Reads the header of a .npy file, versions 1.0 to 3.0, and says where the elements begin.
 * Format: NumPy Enhancement Proposal 1, `numpy.lib.format`. The header is a Python dictionary; only the exact form that
 * NumPy writes is accepted, nothing is evaluated.
 * @throws CutpointError CUT_INPUT if the bytes are no such header.
 */
export function parseHeader(bytes: Uint8Array): { header: NpyHeader; dataOffset: number } {
  if (!magic.every((byte, i) => bytes[i] === byte)) throw malformed('it does not begin as a .npy file does');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = bytes[6];
  if (version !== 1 && version !== 2 && version !== 3) throw malformed(`version ${version} is not known`);
  const start = version === 1 ? 10 : 12;
  if (bytes.byteLength < start) throw malformed('it ends inside the header');
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > maxHeaderBytes) throw malformed(`its header has ${length} bytes, ${maxHeaderBytes} are the limit`);
  if (bytes.byteLength < start + length) throw malformed('it ends inside the header');
  const text = new TextDecoder(version === 3 ? 'utf-8' : 'latin1').decode(bytes.subarray(start, start + length));
  return { header: parseDictionary(text), dataOffset: start + length };
}

function parseDictionary(text: string): NpyHeader {
  const descr = /'descr': *'([^']*)'/.exec(text)?.[1];
  const order = /'fortran_order': *(True|False)/.exec(text)?.[1];
  const shape = /'shape': *\(([\d ,L]*)\)/.exec(text)?.[1];
  if (order === undefined || shape === undefined) throw malformed('its header lacks fortran_order or shape');
  if (descr === undefined) {
    throw new CutpointError(
      'CUT_UNSUPPORTED_TYPE',
      'The .npy file holds records; only plain element types can be used.',
    );
  }
  return { descr, fortranOrder: order === 'True', shape: parseShape(shape) };
}

function parseShape(text: string): readonly number[] {
  const dims = text
    .split(',')
    .map((part) => part.trim().replace(/L$/, ''))
    .filter((part) => part !== '')
    .map(Number);
  if (dims.length > maxRank) throw malformed(`it has ${dims.length} dimensions, ${maxRank} are the limit`);
  if (dims.every((dim) => Number.isSafeInteger(dim))) return dims;
  throw malformed(`its shape is (${text})`);
}

/** Writes the header of version 1.0, padded so that the elements begin at a multiple of 64. */
export function formatHeader({ descr, fortranOrder, shape }: NpyHeader): Uint8Array {
  const tuple = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const order = fortranOrder ? 'True' : 'False';
  const text = `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': (${tuple}), }`;
  const total = Math.ceil((10 + text.length + 1) / 64) * 64;
  const bytes = new Uint8Array(total).fill(0x20);
  bytes.set([...magic, 1, 0]);
  new DataView(bytes.buffer).setUint16(8, total - 10, true);
  bytes.set(new TextEncoder().encode(text), 10);
  bytes[total - 1] = 0x0a;
  return bytes;
}

function malformed(why: string): CutpointError {
  return new CutpointError('CUT_INPUT', `This is not a .npy file that can be read: ${why}.`);
}
