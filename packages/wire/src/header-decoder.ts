import { asCutpointError, CutpointError } from '@cutpoint/core';
import { Unpackr } from 'msgpackr';
import { checkMsgpack } from './msgpack-check.js';
import { parseTensorList, type TensorEntry } from './tensor-list.js';

/** What a header says. Both parts may be shared with later frames: they must not be changed. */
export interface Header {
  /** Plain data whose contents are still to be checked. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly entries: readonly TensorEntry[];
}

/** A header that was decoded, and all that its decoding depended on. */
interface Remembered {
  readonly bytes: Uint8Array;
  readonly payloadBytes: number;
  readonly maxTensors: number;
  readonly header: Header;
}

const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: 'number' });
const smallHeader = new Uint8Array(128);
const maxRememberedBytes = 1024;

/** Decodes headers. A stream of like requests repeats its header: one that equals the last is not decoded again. */
export class HeaderDecoder {
  #last: Remembered | undefined;

  /**
   * @param payloads what the frame says of them, and the most tensors that are allowed.
   * @param mayRepeat false if the next header will differ anyway, unless its fields are simple ones.
   * @throws CutpointError CUT_WIRE_MALFORMED or CUT_WIRE_TOO_LARGE
   */
  decode(
    bytes: Uint8Array,
    [start, end]: readonly [number, number],
    { payloadBytes, maxTensors }: { payloadBytes: number; maxTensors: number },
    mayRepeat: boolean,
  ): Header {
    const last = this.#last;
    if (last?.payloadBytes === payloadBytes && last.maxTensors === maxTensors && equal(last.bytes, bytes, start, end)) {
      return last.header;
    }
    const { fields, tensors } = decodeHeader(bytes, start, end);
    const header = { fields, entries: parseTensorList(tensors, payloadBytes, maxTensors) };
    if (end - start <= maxRememberedBytes && (mayRepeat || isFlat(fields))) {
      deepFreeze(header);
      this.#last = { bytes: bytes.slice(start, end), payloadBytes, maxTensors, header };
    }
    return header;
  }
}

function equal(known: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (known.length !== end - start) return false;
  for (let i = 0; i < known.length; i++) if (known[i] !== bytes[start + i]) return false;
  return true;
}

/** Whoever gets a part of a header that others will get, too, must not change it. */
function deepFreeze(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  Object.freeze(value);
  for (const part of Object.values(value)) deepFreeze(part);
}

function isFlat(fields: Header['fields']): boolean {
  return Object.values(fields).every((value) => typeof value !== 'object' || value === null);
}

/** The two halves of a header: a map of fields, and the list of tensors. */
function decodeHeader(bytes: Uint8Array, start: number, end: number): { fields: Header['fields']; tensors: unknown[] } {
  checkMsgpack(bytes, start, end);
  let decoded: unknown;
  try {
    decoded = end - start > smallHeader.length ? unpackr.unpack(bytes, { start, end }) : unpackSmall(bytes, start, end);
  } catch (thrown) {
    throw asCutpointError(thrown, 'CUT_WIRE_MALFORMED', 'A frame header cannot be decoded');
  }
  const [fields, tensors] = Array.isArray(decoded) ? (decoded as unknown[]) : [];
  if (typeof fields === 'object' && fields !== null && !Array.isArray(fields) && Array.isArray(tensors)) {
    return { fields: fields as Header['fields'], tensors };
  }
  throw new CutpointError('CUT_WIRE_MALFORMED', 'A frame header is not made of fields and tensors.');
}

/** The decoder keeps a view of each buffer it is given: making one costs as much as the rest for a small header. */
function unpackSmall(bytes: Uint8Array, start: number, end: number): unknown {
  for (let i = start; i < end; i++) smallHeader[i - start] = bytes[i] ?? 0;
  return unpackr.unpack(smallHeader, end - start);
}
