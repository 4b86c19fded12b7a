import { CutpointError } from '@cutpoint/core';

/** Version of messages through a broker; docs/wire.md describes them. */
const messageVersion = 1;

/** Kinds of messages and their numbers. */
export const messageTypes = { open: 1, accept: 2, refuse: 3, data: 4, credit: 5, end: 6, reset: 7 } as const;
export type MessageType = keyof typeof messageTypes;

/** Why an end refuses or gives up a link. Numbers, not text: nothing that the other side words is shown. */
export const reasons = { nobody: 1, full: 2, unknown: 3, broken: 4, lost: 5, aborted: 6, version: 7 } as const;
export type Reason = keyof typeof reasons;

/** What stands before the body of every message. */
export interface MessageHead {
  readonly type: MessageType;
  /** Sent by the end that opened the link. */
  readonly fromOpener: boolean;
  /** The link: 16 hexadecimal digits, drawn by chance by who opens it. */
  readonly link: string;
  /** Of `data` and `end` their own number, of others that of the next such message. Each end counts from 0. */
  readonly seq: number;
  /** The other end may send `data` and `end` with numbers below this. */
  readonly limit: number;
}

export interface Message extends MessageHead {
  readonly body: Uint8Array;
}

export const headBytes = 32;
/** "CUTM", read as a little-endian number. */
const magic = 0x4d545543;

const typesByNumber = new Map<number, MessageType>();
for (const type of Object.keys(messageTypes) as MessageType[]) typesByNumber.set(messageTypes[type], type);
const reasonsByNumber = new Map<number, Reason>();
for (const reason of Object.keys(reasons) as Reason[]) reasonsByNumber.set(reasons[reason], reason);

/** One message with its parts copied behind the head. */
export function encodeMessage(head: MessageHead, parts: readonly Uint8Array[] = []): Buffer {
  const bytes = parts.reduce((sum, { length }) => sum + length, headBytes);
  const message = Buffer.allocUnsafe(bytes);
  message.fill(0, 0, headBytes);
  message.writeUInt32LE(magic, 0);
  message[4] = messageVersion;
  message[5] = messageTypes[head.type];
  message[6] = head.fromOpener ? 1 : 0;
  message.write(head.link, 8, 'hex');
  message.writeUIntLE(head.seq, 16, 6);
  message.writeUIntLE(head.limit, 24, 6);
  let at = headBytes;
  for (const part of parts) {
    message.set(part, at);
    at += part.length;
  }
  return message;
}

/**
 * Reads a message; its body is a view of `bytes`.
 * @throws CutpointError CUT_WIRE_MALFORMED, or CUT_WIRE_VERSION for a message of another version
 */
export function decodeMessage(bytes: Uint8Array): Message {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.length < headBytes || view.readUInt32LE(0) !== magic) throw malformed('it has no head');
  if (view[4] !== messageVersion) {
    throw new CutpointError('CUT_WIRE_VERSION', `A message through the broker has version ${view[4]}.`);
  }
  const type = typesByNumber.get(view.readUInt8(5));
  const side = view.readUInt8(6);
  if (type === undefined || side > 1) throw malformed('its type is unknown');
  return {
    type,
    fromOpener: side === 1,
    link: view.toString('hex', 8, 16),
    seq: view.readUIntLE(16, 6),
    limit: view.readUIntLE(24, 6),
    body: bytes.subarray(headBytes),
  };
}

/** The body of `open` and `accept`: the longest message that this end takes. */
export function sizeBody(maxMessageBytes: number): Uint8Array {
  const body = Buffer.alloc(4);
  body.writeUInt32LE(maxMessageBytes);
  return body;
}

/** @throws CutpointError CUT_WIRE_MALFORMED if it is none, or so small that nothing would fit. */
export function sizeOfBody(body: Uint8Array): number {
  const bytes = body.length === 4 ? Buffer.from(body).readUInt32LE() : 0;
  if (bytes < minMessageBytes) throw malformed('it names no valid length of messages');
  return bytes;
}

/** A broker that takes less than this is of no use. */
export const minMessageBytes = 1024;

/** The body of `refuse` and `reset`. */
export function reasonBody(reason: Reason): Uint8Array {
  return Uint8Array.of(reasons[reason]);
}

/** The reason in a body; those of later versions count as `broken`. */
export function reasonOfBody(body: Uint8Array): Reason {
  return reasonsByNumber.get(body[0] ?? 0) ?? 'broken';
}

function malformed(what: string): CutpointError {
  return new CutpointError('CUT_WIRE_MALFORMED', `A message through the broker is malformed: ${what}.`);
}
