import { CutpointError, type NamedTensors, type Tensor } from '@cutpoint/core';
import { type FixedPart, type FrameType, frameTypes } from './frame-format.js';
import type { Header } from './header-decoder.js';
import type { Fields } from './header-encoder.js';

/**
 * A brief frame is a request or a reply that carries bytes and nothing else: no meta data, and as its only tensor a list
 * of u8 without a name. It takes ten bytes and the method's name beside those bytes, where another frame takes 64 and more: what
 * is sent for each token of a text is hardly longer.
 */
export const briefHeadBytes = 10;

/** Two bytes hold a request's number, and the length. */
export const mostBriefNumber = 0xffff;
/** Bytes of a brief request by its method, or of a reply where that is empty. */
export function briefFrameBytes(method: string, bytes: number): number {
  return briefHeadBytes + method.length + bytes;
}

/** Added to the number of a type in the first byte: no other frame begins with such a byte. */
const mark = 0x80;
const mostMethod = 0xff;
const name = '';

/** What a brief frame says beside its bytes. */
interface BriefHead {
  readonly type: FrameType;
  readonly id: number;
  readonly timeMs: number;
}

/** Whether the byte that a frame begins with is that of a brief one. */
export function isBriefStart(byte: number): boolean {
  return byte === mark + frameTypes.request || byte === mark + frameTypes.reply;
}

/** The frame, if it can be brief. */
export function encodeBrief(
  { type, id, timeMs }: BriefHead,
  fields: Fields,
  tensors: NamedTensors,
): Buffer | undefined {
  const bytes = bytesOf(tensors);
  if (bytes === undefined || id > mostBriefNumber || !Number.isFinite(Math.fround(timeMs))) return undefined;
  const method = type === 'request' ? methodOf(fields) : type === 'reply' && isEmpty(fields) ? '' : undefined;
  if (method === undefined) return undefined;
  const frame = Buffer.allocUnsafe(briefFrameBytes(method, bytes.length));
  frame[0] = mark + frameTypes[type];
  frame[1] = method.length;
  frame.writeUInt16LE(id, 2);
  frame.writeUInt16LE(bytes.length, 4);
  frame.writeFloatLE(timeMs, 6);
  frame.write(method, briefHeadBytes, 'latin1');
  frame.set(bytes, briefHeadBytes + method.length);
  return frame;
}

/** What is read at the moment: a view of its own for each frame would cost more than the rest. */
const head = Buffer.alloc(briefHeadBytes);

/** Reads the head at a place: its header is the method's name. @throws CutpointError CUT_WIRE_MALFORMED */
export function readBrief(bytes: Uint8Array, at: number): FixedPart {
  for (let i = 0; i < briefHeadBytes; i++) head[i] = bytes[at + i] ?? 0;
  const type = head[0] === mark + frameTypes.request ? 'request' : 'reply';
  const timeMs = head.readFloatLE(6);
  if (timeMs >= 0 && timeMs < Infinity) {
    return { type, id: head.readUInt16LE(2), headerBytes: head[1] ?? 0, payloadBytes: head.readUInt16LE(4), timeMs };
  }
  throw new CutpointError('CUT_WIRE_MALFORMED', 'A brief frame has an impossible time.');
}

/** What the header of a frame that is not brief would say. @throws CutpointError CUT_WIRE_MALFORMED */
export function briefHeader({ type, payloadBytes }: FixedPart, nameOfMethod: Uint8Array): Header {
  if ((type === 'request') === (nameOfMethod.length === 0)) {
    throw new CutpointError('CUT_WIRE_MALFORMED', 'A brief request has no method, or a brief reply has one.');
  }
  const fields = type === 'request' ? { method: String.fromCharCode(...nameOfMethod) } : {};
  return { fields, entries: [{ name, dtype: 'u8', shape: [payloadBytes], codec: 'raw', bytes: payloadBytes }] };
}

/** The bytes of a list of u8 without a name, if that is all there is. */
function bytesOf(tensors: NamedTensors): Tensor['data'] | undefined {
  const tensor = tensors.get(name);
  if (tensors.size !== 1 || tensor?.dtype !== 'u8' || tensor.shape.length !== 1) return undefined;
  return tensor.shape[0] === tensor.data.length && tensor.data.length <= mostBriefNumber ? tensor.data : undefined;
}

/** The method, if there are no meta data and its name is short and plain. */
function methodOf({ method, ...others }: Fields): string | undefined {
  if (typeof method !== 'string' || !isEmpty(others)) return undefined;
  return method.length > 0 && method.length <= mostMethod && /^[ -~]*$/.test(method) ? method : undefined;
}

function isEmpty(fields: Fields): boolean {
  return Object.values(fields).every((value) => value === undefined);
}
