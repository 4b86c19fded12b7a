import { isDeepStrictEqual } from 'node:util';
import { byteLength, isErrorCode } from '@cutpoint/core';
import { checkPrototypes, type FuzzKind, type FuzzTarget, refusalOf } from '../../../core/src/fuzzing.testing.js';
import { joined, mutant, pick, pieces, type Random } from '../../../core/src/mutating.testing.js';
import { type Frame, FrameReader } from '../frame-reader.js';
import { HeaderDecoder } from '../header-decoder.js';
import { parseError, parseHello } from '../hello.js';
import { strangerFrameBytes } from '../limits.js';
import { checkMsgpack, maxDepth } from '../msgpack-check.js';
import { WebSocketDecoder } from '../websocket-decoder.js';
import { binaryFrame, closeFrame, controlFrame, opcodes, type WebSocketRole } from '../websocket-encode.js';
import { changedFrame, changedHeader, validFrames } from './frames.testing.js';

const limits = { maxFrameBytes: 64 * 1024, maxHeaderBytes: 8 * 1024, maxTensors: 8 };
const strict = { maxFrameBytes: strangerFrameBytes, maxHeaderBytes: strangerFrameBytes, maxTensors: 0 };
const wireRefusals = ['CUT_WIRE_MALFORMED', 'CUT_WIRE_TOO_LARGE', 'CUT_WIRE_VERSION'];

const stateless = (attempt: FuzzTarget['attempt']): FuzzTarget => ({
  attempt,
  check: checkPrototypes,
  async [Symbol.asyncDispose]() {},
});

/** What reads bytes of others without a connection around it. */
export const decoderKinds: readonly FuzzKind[] = [
  { name: 'frames', weight: 16, open: () => stateless(readFrames) },
  { name: 'headers', weight: 30, open: openHeaders },
  { name: 'hellos', weight: 16, open: () => stateless(readHello) },
  { name: 'websocket', weight: 8, open: () => stateless(readWebSocket) },
];

/** A stream of frames, one of them changed, in pieces: the same frames and the same refusal as in one piece. */
function readFrames(random: Random): string {
  const changed = changedFrame(random);
  const stream = random(2) === 0 ? changed : joined(pick(validFrames, random), changed, pick(validFrames, random));
  const whole = read([stream.slice()], random(2) === 0, random(4) === 0);
  const parts = read(pieces(stream, random), random(2) === 0, random(4) === 0);
  if (!isDeepStrictEqual(whole, parts)) throw new Error(`in pieces something else is read: ${hex(stream)}`);
  return whole.refusal ?? 'taken';
}

function read(chunks: readonly Uint8Array[], owned: boolean, direct: boolean) {
  const frames: unknown[] = [];
  const reader = new FrameReader(limits, (frame) => frames.push(checked(frame)));
  let refusal: string | undefined;
  try {
    for (const chunk of chunks) feed(reader, chunk, owned, direct);
  } catch (thrown) {
    refusal = refusalOf(thrown, wireRefusals);
  }
  return { frames, refusal };
}

/** As a link does that can read straight into the memory of a tensor. */
function feed(reader: FrameReader, chunk: Uint8Array, owned: boolean, direct: boolean): void {
  const target = direct ? reader.target : undefined;
  if (target === undefined) {
    reader.push(chunk, owned);
    return;
  }
  const length = Math.min(target.length, chunk.length);
  target.set(chunk.subarray(0, length));
  reader.filled(length);
  if (length < chunk.length) reader.push(chunk.slice(length), owned);
}

/** What matters of a frame, if it keeps to what it says and to the limits. */
function checked({ type, id, fields, tensors, bytes, timeMs }: Frame) {
  if (bytes > limits.maxFrameBytes || tensors.size > limits.maxTensors) throw new Error('a frame exceeds the limits');
  const held = [...tensors].map(([name, { dtype, shape, data }]) => {
    if (data.length !== byteLength(dtype, shape)) throw new Error(`tensor ${name} has ${data.length} bytes`);
    return { name, dtype, shape: [...shape], bytes: Buffer.from(data).toString('latin1') };
  });
  return { type, id, fields, held, bytes, timeMs };
}

/** Headers one after the other: a decoder that remembers the last gives what a new one does. */
function openHeaders(): FuzzTarget {
  const lasting = new HeaderDecoder();
  return stateless((random) => {
    const { header, payloadBytes } = changedHeader(random);
    const before = random(40);
    const bytes = joined(new Uint8Array(before), header, new Uint8Array(random(9)));
    const place = [before, before + header.length] as const;
    const mayRepeat = random(2) === 0;
    const decode = (decoder: HeaderDecoder): unknown => {
      try {
        return decoder.decode(bytes, place, { payloadBytes, maxTensors: limits.maxTensors }, mayRepeat);
      } catch (thrown) {
        return refusalOf(thrown, wireRefusals);
      }
    };
    const fresh = decode(new HeaderDecoder());
    if (!isDeepStrictEqual(decode(lasting), fresh)) throw new Error(`it depends on what came before: ${hex(header)}`);
    if (typeof fresh === 'string') return fresh;
    checkMsgpack(header);
    checkDepth(fresh, maxDepth + 2);
    return 'taken';
  });
}

function checkDepth(value: unknown, left: number): void {
  if (left < 0) throw new Error('it nests deeper than it may');
  if (typeof value !== 'object' || value === null) return;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== Array.prototype) throw new Error('something is of a class');
  for (const part of Object.values(value)) checkDepth(part, left - 1);
}

/** A hello as a listener reads it of a stranger, and an error as a client may find in its place. */
function readHello(random: Random): string {
  let outcome = 'waits for more';
  const reader = new FrameReader(strict, (frame) => {
    if (!isErrorCode(parseError(frame).code)) throw new Error('an error has no known code');
    const { name, capabilities, maxRequests } = parseHello(frame);
    if (name.length > 256 || capabilities.length > 64 || maxRequests > 1024) throw new Error('a hello is too large');
    outcome = 'taken';
  });
  try {
    for (const chunk of pieces(changedFrame(random, ['hello', 'error']), random)) reader.push(chunk, false);
  } catch (thrown) {
    return refusalOf(thrown, wireRefusals);
  }
  return outcome;
}

/** WebSocket frames, some of them changed, in pieces: the same payload and end as in one piece. */
function readWebSocket(random: Random): string {
  const from: WebSocketRole = random(2) === 0 ? 'client' : 'server';
  const stream = changedWebSocketStream(random, from);
  const whole = decodeWebSocket([stream.slice()], from);
  const parts = decodeWebSocket(pieces(stream, random), from);
  if (!isDeepStrictEqual(whole, parts)) throw new Error(`in pieces something else is read: ${hex(stream)}`);
  if (whole.payload.length > stream.length) throw new Error('more came out than went in');
  return whole.ends[0] ?? 'taken';
}

/** A few frames as they are sent by one side, with changes. */
export function changedWebSocketStream(random: Random, from: WebSocketRole, inner?: Uint8Array): Uint8Array {
  const text = (bytes: Uint8Array) => (from === 'client' && random(2) === 0 ? masked(bytes, random) : bytes);
  const list = [
    ...(inner === undefined ? [] : [text(joined(...binaryFrame(from, [inner])))]),
    text(joined(...binaryFrame(from, [changedFrame(random)]))),
    controlFrame(from, pick([opcodes.ping, opcodes.pong], random), new Uint8Array(random(126))),
    closeFrame(from, pick([1000, 1001, 1002, 1005, 999, 4999, 5000], random)),
    joined(
      ...binaryFrame(from, [
        new Uint8Array(random(100) === 0 ? pick([65_535, 65_536], random) : pick([125, 126], random)),
      ]),
    ),
  ].slice(0, 1 + random(inner === undefined ? 5 : 6));
  const at = random(list.length);
  if (random(4) !== 0) list[at] = mutant(list[at] ?? new Uint8Array(0), random, pick(list, random));
  return joined(...list);
}

/** The frame with a mask other than zeros. */
function masked(frame: Uint8Array, random: Random): Uint8Array {
  const short = (frame[1] ?? 0) & 0x7f;
  const keyAt = 2 + (short < 126 ? 0 : short === 126 ? 2 : 8);
  const key = Uint8Array.from({ length: 4 }, () => random(256));
  const bytes = frame.slice();
  bytes.set(key, keyAt);
  for (let i = keyAt + 4; i < bytes.length; i++) bytes[i] = (bytes[i] ?? 0) ^ (key[(i - keyAt) & 3] ?? 0);
  return bytes;
}

function decodeWebSocket(chunks: readonly Uint8Array[], from: WebSocketRole) {
  const payload: Uint8Array[] = [];
  const pings: string[] = [];
  const ends: string[] = [];
  const decoder = new WebSocketDecoder(from === 'client' ? 'server' : 'client', {
    onPayload: (bytes) => {
      if (ends.length > 0) throw new Error('payload came after the end');
      payload.push(bytes.slice());
    },
    onPing: (bytes) => pings.push(Buffer.from(bytes).toString('latin1')),
    onEnd: (code, problem) => ends.push(problem ?? `closed with ${code >= 1000 && code < 3000 ? code : 'another'}`),
  });
  for (const chunk of chunks) decoder.push(chunk, false);
  if (ends.length > 1) throw new Error('it ended twice');
  return { payload: joined(...payload), pings, ends };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex').slice(0, 4_000);
}
