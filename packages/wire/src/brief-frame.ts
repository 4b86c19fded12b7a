import { CutpointError, type NamedTensors, type Tensor } from '@cutpoint/core';
import { type FixedPart, type FrameType, frameTypes } from './frame-format.js';
import type { Header } from './header-decoder.js';
import type { Fields } from './header-encoder.js';
import { uncleared } from './memory.js';

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

/** What is read or written at the moment: a view of its own for each frame would cost more than the rest. */
const head = new Uint8Array(briefHeadBytes);
const headView = new DataView(head.buffer);

/** The frame, if it can be brief. */
export function encodeBrief(
  { type, id, timeMs }: BriefHead,
  fields: Fields,
  tensors: NamedTensors,
): Uint8Array | undefined {
  const bytes = bytesOf(tensors);
  if (bytes === undefined || id > mostBriefNumber || !Number.isFinite(Math.fround(timeMs))) return undefined;
  const method = type === 'request' ? methodOf(fields) : type === 'reply' && isEmpty(fields) ? '' : undefined;
  if (method === undefined) return undefined;
  const frame = uncleared(briefFrameBytes(method, bytes.length));
  head[0] = mark + frameTypes[type];
  head[1] = method.length;
  headView.setUint16(2, id, true);
  headView.setUint16(4, bytes.length, true);
  headView.setFloat32(6, timeMs, true);
  frame.set(head);
  for (let i = 0; i < method.length; i++) frame[briefHeadBytes + i] = method.charCodeAt(i);
  frame.set(bytes, briefHeadBytes + method.length);
  return frame;
}

/** Reads the head at a place: its header is the method's name. @throws CutpointError CUT_WIRE_MALFORMED */
export function readBrief(bytes: Uint8Array, at: number): FixedPart {
  for (let i = 0; i < briefHeadBytes; i++) head[i] = bytes[at + i] ?? 0;
  const type = head[0] === mark + frameTypes.request ? 'request' : 'reply';
  const timeMs = headView.getFloat32(6, true);
  if (timeMs >= 0 && timeMs < Infinity) {
    const [id, payloadBytes] = [headView.getUint16(2, true), headView.getUint16(4, true)];
    return { type, id, headerBytes: head[1] ?? 0, payloadBytes, timeMs };
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
