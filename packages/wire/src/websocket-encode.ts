/** Opcodes of RFC 6455, section 5.2. */
export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** Which end of a WebSocket this is: clients mask what they send, servers do not. */
export type WebSocketRole = 'client' | 'server';

/** Longest payload of a control frame. */
export const maxControlBytes = 125;

const maskBit = 0x80;
const finalBit = 0x80;
/** Frames up to this length are copied together with their head: below it a copy is cheaper than another buffer. */
const joinBytes = 16 * 1024;

/** The parts as the payload of one binary WebSocket frame (RFC 6455, section 5.2), not copied unless they are small. */
export function binaryFrame(role: WebSocketRole, parts: readonly Uint8Array[]): readonly Uint8Array[] {
  let bytes = 0;
  for (const part of parts) bytes += part.length;
  if (bytes > joinBytes) return [frameHead(role, opcodes.binary, bytes, 0), ...parts];
  return [joined(role, opcodes.binary, parts, bytes)];
}

/** A control frame. */
export function controlFrame(role: WebSocketRole, opcode: number, payload: Uint8Array): Uint8Array {
  return joined(role, opcode, [payload], payload.length);
}

/** The close frame with a status code (RFC 6455, section 7.4) and no text. */
export function closeFrame(role: WebSocketRole, code: number): Uint8Array {
  return controlFrame(role, opcodes.close, Uint8Array.of(code >> 8, code & 0xff));
}

function joined(role: WebSocketRole, opcode: number, parts: readonly Uint8Array[], bytes: number): Uint8Array {
  const frame = frameHead(role, opcode, bytes, bytes);
  let at = frame.length - bytes;
  for (const part of parts) {
    frame.set(part, at);
    at += part.length;
  }
  return frame;
}

/**
 * The head of a frame, with room for `room` bytes after it. Masks keep scripts in a browser from writing what they like
 * into a proxy's cache. No script chooses our bytes, and with a mask of zeros both ends can skip the masking.
 */
function frameHead(role: WebSocketRole, opcode: number, bytes: number, room: number): Buffer {
  const lengthBytes = bytes < 126 ? 0 : bytes < 65_536 ? 2 : 8;
  const keyAt = 2 + lengthBytes;
  const head = Buffer.allocUnsafe(keyAt + (role === 'client' ? 4 : 0) + room);
  head[0] = finalBit | opcode;
  const short = lengthBytes === 0 ? bytes : lengthBytes === 2 ? 126 : 127;
  head[1] = role === 'client' ? maskBit | short : short;
  if (lengthBytes === 2) head.writeUInt16BE(bytes, 2);
  else if (lengthBytes === 8) {
    head.writeUInt32BE(Math.floor(bytes / 2 ** 32), 2);
    head.writeUInt32BE(bytes >>> 0, 6);
  }
  if (role === 'client') head.fill(0, keyAt, keyAt + 4);
  return head;
}
