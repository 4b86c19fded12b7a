import { CutpointError, messageOf, type NamedTensors, type Tensor } from '@cutpoint/core';
import { Packr } from 'msgpackr';
import { checkMsgpack } from './msgpack-check.js';
import { describeTensors } from './tensor-list.js';

/** What a frame says beside its tensors. Undefined values arrive as null. */
export type Fields = Readonly<Record<string, unknown>>;

/** A header that was encoded, and all that its encoding depended on. */
interface Remembered {
  readonly method: unknown;
  readonly meta: unknown;
  readonly tensors: readonly Pick<Tensor, 'dtype' | 'shape'>[];
  readonly names: readonly string[];
  readonly bytes: readonly number[];
  readonly header: Uint8Array;
}

const packr = new Packr({ useRecords: false, encodeUndefinedAsNil: true });

/**
 * Encodes headers. A stream of like requests repeats its header: one that would equal the last is not encoded again. Meta
 * data count as equal if they are the same, deeply frozen object.
 */
export class HeaderEncoder {
  #last: Remembered | undefined;

  /** @throws CutpointError CUT_INPUT if a tensor or a field cannot be carried. */
  encode(fields: Fields, tensors: NamedTensors): Uint8Array {
    if (this.#last !== undefined && isSame(this.#last, fields, tensors)) return this.#last.header;
    const header = encodeHeader(fields, tensors);
    if (isLasting(fields)) this.#last = remember(fields, tensors, header);
    return header;
  }
}

function remember(fields: Fields, tensors: NamedTensors, header: Uint8Array): Remembered {
  const list = [...tensors.values()];
  return {
    method: fields.method,
    meta: fields.meta,
    tensors: list.map(({ dtype, shape }) => ({ dtype, shape: [...shape] })),
    names: [...tensors.keys()],
    bytes: list.map(({ data }) => data.byteLength),
    header,
  };
}

/** Nothing but a method and meta data that nobody can change. */
function isLasting(fields: Fields): boolean {
  for (const key in fields) if (key !== 'method' && key !== 'meta' && fields[key] !== undefined) return false;
  return isDeepFrozen(fields.meta);
}

function isDeepFrozen(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return Object.isFrozen(value) && Object.values(value).every(isDeepFrozen);
}

function isSame(last: Remembered, fields: Fields, tensors: NamedTensors): boolean {
  const { method, meta } = fields;
  if (last.method !== method || last.meta !== meta || last.names.length !== tensors.size) return false;
  // An object that is the same is frozen, as otherwise it would not be remembered.
  for (const key in fields) if (key !== 'method' && key !== 'meta' && fields[key] !== undefined) return false;
  let i = 0;
  for (const [name, { dtype, shape, data }] of tensors) {
    const known = last.tensors[i];
    if (known?.dtype !== dtype || last.names[i] !== name || last.bytes[i] !== data.byteLength) return false;
    if (shape.length !== known.shape.length) return false;
    for (let axis = 0; axis < shape.length; axis++) if (shape[axis] !== known.shape[axis]) return false;
    i++;
  }
  return true;
}

/** Encodes a header. @throws CutpointError CUT_INPUT if a tensor or a field cannot be carried. */
export function encodeHeader(fields: Fields, tensors: NamedTensors): Uint8Array {
  const entries = describeTensors(tensors);
  try {
    const header = packr.pack([fields, entries]);
    if (fields.meta !== undefined) checkMsgpack(header);
    return header;
  } catch (thrown) {
    throw new CutpointError('CUT_INPUT', `The meta data cannot be sent; only plain data can. ${messageOf(thrown)}`, {
      cause: thrown,
    });
  }
}
