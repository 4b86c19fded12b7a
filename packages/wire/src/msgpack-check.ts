import { CutpointError } from '@cutpoint/core';

/** Deeper nesting than this is refused. */
export const maxDepth = 16;
/** More values than this in one header are refused: each costs far more memory decoded than encoded. */
export const maxValues = 65_536;

const refuse = (what: string): never => {
  throw new CutpointError('CUT_WIRE_MALFORMED', `A frame header is refused: ${what}.`);
};

/**
 * Walks msgpack bytes without building anything and refuses all but plain data: nil, booleans, numbers, strings,
 * arrays, and maps with string keys. Extension types never reach the decoder, which would make classes of them.
 * @throws CutpointError CUT_WIRE_MALFORMED if `start` to `end` is not exactly one such value within the limits.
 */
export function checkMsgpack(bytes: Uint8Array, start = 0, end = bytes.length): void {
  const walk: Walk = { bytes, end, at: start, values: 0 };
  checkValue(walk, 0);
  if (walk.at !== end) refuse('bytes follow its end');
}

interface Walk {
  readonly bytes: Uint8Array;
  readonly end: number;
  at: number;
  values: number;
}

function checkValue(walk: Walk, depth: number): void {
  if (depth > maxDepth) refuse(`it nests deeper than ${maxDepth} levels`);
  if (++walk.values > maxValues) refuse(`it holds more than ${maxValues} values`);
  const token = walk.at < walk.end ? (walk.bytes[walk.at++] ?? 0) : refuse('it ends too early');
  if (token < 0x80 || token >= 0xe0) return;
  if (token < 0x90) checkMap(walk, token & 0x0f, depth);
  else if (token < 0xa0) checkArray(walk, token & 0x0f, depth);
  else if (token < 0xc0) skip(walk, token & 0x1f);
  else checkLongValue(walk, token, depth);
}

function checkLongValue(walk: Walk, token: number, depth: number): void {
  switch (token) {
    case 0xc0: // nil
    case 0xc2: // false
    case 0xc3: // true
      return;
    case 0xcc: // unsigned and signed integers of 1, 2, 4 and 8 bytes
    case 0xd0:
      skip(walk, 1);
      break;
    case 0xcd:
    case 0xd1:
      skip(walk, 2);
      break;
    case 0xca: // 32-bit float
    case 0xce:
    case 0xd2:
      skip(walk, 4);
      break;
    case 0xcb: // 64-bit float
    case 0xcf:
    case 0xd3:
      skip(walk, 8);
      break;
    case 0xd9: // strings
      skip(walk, lengthAt(walk, 1));
      break;
    case 0xda:
      skip(walk, lengthAt(walk, 2));
      break;
    case 0xdb:
      skip(walk, lengthAt(walk, 4));
      break;
    case 0xdc: // arrays
      checkArray(walk, lengthAt(walk, 2), depth);
      break;
    case 0xdd:
      checkArray(walk, lengthAt(walk, 4), depth);
      break;
    case 0xde: // maps
      checkMap(walk, lengthAt(walk, 2), depth);
      break;
    case 0xdf:
      checkMap(walk, lengthAt(walk, 4), depth);
      break;
    default:
      refuse(`msgpack type 0x${token.toString(16)} is not allowed`);
  }
}

function checkArray(walk: Walk, length: number, depth: number): void {
  for (let i = 0; i < length; i++) checkValue(walk, depth + 1);
}

function checkMap(walk: Walk, length: number, depth: number): void {
  for (let i = 0; i < length; i++) {
    const token = walk.bytes[walk.at] ?? 0;
    const isString = (token >= 0xa0 && token < 0xc0) || (token >= 0xd9 && token <= 0xdb);
    if (!isString) refuse('a map key is not a string');
    checkValue(walk, depth + 1);
    if (endsWithProto(walk)) refuse('a map key ends in __proto__');
    checkValue(walk, depth + 1);
  }
}

const proto = new TextEncoder().encode('__proto__');

/** Looks at the key just passed. The decoder would rename such a key; an object would take it for its prototype. */
function endsWithProto({ bytes, at }: Walk): boolean {
  if (bytes[at - 1] !== 0x5f || bytes[at - 3] !== 0x6f) return false; // the last _ and the last o: nearly all keys end here
  return proto.every((byte, i) => bytes[at - proto.length + i] === byte);
}

/** The big-endian number of `size` bytes at the current place. */
function lengthAt(walk: Walk, size: 1 | 2 | 4): number {
  const start = walk.at;
  skip(walk, size);
  let length = 0;
  for (let i = start; i < walk.at; i++) length = length * 256 + (walk.bytes[i] ?? 0);
  return length;
}

function skip(walk: Walk, bytes: number): void {
  walk.at += bytes;
  if (walk.at > walk.end) refuse('it ends too early');
}
