import { byteLength, bytesPerElement, CutpointError, isDType, type NamedTensors, type Tensor } from '@cutpoint/core';
import { padded } from './frame-format.js';

/** How a tensor is announced in a frame's header; the payloads follow the header in the same order. */
export interface TensorEntry {
  readonly name: string;
  readonly dtype: Tensor['dtype'];
  readonly shape: readonly number[];
  readonly codec: 'raw';
  readonly bytes: number;
}

const maxRank = 64;
const maxNameLength = 1024;

/** An entry on the wire: a list, not a map, because it is written and read for every tensor of every frame. */
type EntryFields = [name: string, dtype: string, shape: readonly number[], codec: 'raw', bytes: number];

/** The entries of tensors about to be sent. @throws CutpointError CUT_INPUT if bytes and shape disagree. */
export function describeTensors(tensors: NamedTensors): EntryFields[] {
  const entries: EntryFields[] = [];
  for (const [name, { dtype, shape, data }] of tensors) {
    const bytes = data.byteLength;
    if (byteLength(dtype, shape) !== bytes || name.length > maxNameLength || shape.length > maxRank) {
      throw new CutpointError(
        'CUT_INPUT',
        `Tensor "${name.slice(0, 80)}" cannot be sent: ${dtype}[${shape.join(', ')}] does not take ${bytes} bytes, or its name or rank is too long.`,
      );
    }
    entries.push([name, dtype, shape, 'raw', bytes]);
  }
  return entries;
}

/**
 * Checks the tensor list of a received header against the number of payload bytes the frame announces.
 * @throws CutpointError CUT_WIRE_MALFORMED or CUT_WIRE_TOO_LARGE; nothing has been allocated by then.
 */
export function parseTensorList(entries: readonly unknown[], payloadBytes: number, maxTensors: number): TensorEntry[] {
  if (entries.length > maxTensors) {
    throw new CutpointError(
      'CUT_WIRE_TOO_LARGE',
      `A frame has ${entries.length} tensors; at most ${maxTensors} are allowed.`,
    );
  }
  const parsed: TensorEntry[] = [];
  const names = new Set<string>();
  let total = 0;
  for (const entry of entries) {
    const tensor = parseEntry(entry);
    if (names.has(tensor.name)) return malformed('two tensors have the same name');
    names.add(tensor.name);
    total += padded(tensor.bytes);
    parsed.push(tensor);
  }
  if (total !== payloadBytes) return malformed(`its tensors take ${total} bytes, not the ${payloadBytes} announced`);
  return parsed;
}

function parseEntry(entry: unknown): TensorEntry {
  if (!Array.isArray(entry)) return malformed('a tensor is not described by a list');
  const [name, dtype, shape, codec, bytes] = entry as unknown[];
  if (typeof name !== 'string' || name.length > maxNameLength) return malformed('a tensor name is no text or too long');
  if (!isDType(dtype)) return malformed('a tensor has an unknown element type');
  if (codec !== 'raw') return malformed('a tensor has an unknown codec');
  if (!isSize(bytes)) return malformed('a tensor has no valid length');
  if (!Array.isArray(shape) || shape.length > maxRank || !shape.every(isSize)) {
    return malformed('a tensor has no valid shape');
  }
  if (safeByteLength(shape, bytesPerElement[dtype]) !== bytes) {
    return malformed('the length of a tensor does not fit its shape');
  }
  return { name, dtype, shape, codec, bytes };
}

/** Bytes of a shape, or -1 where the product leaves the range in which numbers are exact. */
function safeByteLength(shape: readonly number[], elementBytes: number): number {
  if (shape.includes(0)) return 0;
  let bytes = elementBytes;
  for (const dim of shape) {
    bytes *= dim;
    if (!Number.isSafeInteger(bytes)) return -1;
  }
  return bytes;
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function malformed(what: string): never {
  throw new CutpointError('CUT_WIRE_MALFORMED', `A frame is refused: ${what}.`);
}
