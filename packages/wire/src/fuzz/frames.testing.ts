import { type NamedTensors, tensorOf } from '@cutpoint/core';
import { Packr } from 'msgpackr';
import { joined, mutant, mutantOf, type Plain, pick, type Random } from '../../../core/src/mutating.testing.js';
import { encodeFrame } from '../frame-encode.js';
import { type FrameType, fixedBytes, frameTypes, padded, writeFixed } from '../frame-format.js';
import { helloFrame } from '../hello.js';
import { defaultLimits } from '../limits.js';

const packr = new Packr({ useRecords: false, encodeUndefinedAsNil: true });

/** A frame in parts that can be changed one by one. */
interface Parts {
  readonly type: FrameType;
  readonly id: number;
  readonly timeMs: number;
  /** What its header says: fields and tensors. */
  readonly header: Plain;
  readonly payload: Uint8Array;
}

const tensors: NamedTensors = new Map([
  ['x', tensorOf('f32', [2, 3], Float32Array.from([1, 2, 3, 4, 5, 6]))],
  ['y', tensorOf('u8', [5], Uint8Array.from([1, 2, 3, 4, 5]))],
  ['z', tensorOf('i64', [0, 2], new BigInt64Array(0))],
]);
const entries: Plain = [
  ['x', 'f32', [2, 3], 'raw', 24],
  ['y', 'u8', [5], 'raw', 5],
  ['z', 'i64', [0, 2], 'raw', 0],
];
const payload = joined(...[...tensors.values()].map(({ data }) => paddedBytes(data)));
const none = new Uint8Array(0);
const { maxFrameBytes, maxHeaderBytes, maxTensors, maxRequests } = defaultLimits;
const hello = {
  version: 1,
  name: 'raw',
  capabilities: ['a', 'b'],
  maxFrameBytes,
  maxHeaderBytes,
  maxTensors,
  maxRequests,
};

const parts: readonly Parts[] = [
  { type: 'hello', id: 0, timeMs: 0, header: [{ ...hello, token: null }, []], payload: none },
  {
    type: 'request',
    id: 1,
    timeMs: 5,
    header: [{ method: 'echo', meta: { a: [1, 'b', { c: null }] } }, entries],
    payload,
  },
  { type: 'request', id: 2, timeMs: 0, header: [{ method: 'wait' }, []], payload: none },
  { type: 'request', id: 3, timeMs: 1e6, header: [{ method: 'fail', meta: {} }, entries], payload },
  { type: 'reply', id: 1, timeMs: 0.25, header: [{ meta: { a: 1 } }, entries], payload },
  { type: 'reply', id: 2, timeMs: 0, header: [{}, []], payload: none },
  { type: 'error', id: 2, timeMs: 0, header: [{ code: 'CUT_OVERLOADED', message: 'full' }, []], payload: none },
  { type: 'error', id: 0, timeMs: 0, header: [{ code: 'CUT_DEADLINE', message: 'late' }, []], payload: none },
  { type: 'cancel', id: 2, timeMs: 0, header: [{}, []], payload: none },
  { type: 'ping', id: 7, timeMs: 0, header: [{}, []], payload: none },
  { type: 'pong', id: 7, timeMs: 0, header: [{}, []], payload: none },
  { type: 'goodbye', id: 0, timeMs: 0, header: [{}, []], payload: none },
];

const briefFrames = (['request', 'reply'] as const).map((type) => {
  const list = new Map([['', tensorOf('u8', [7], Uint8Array.from([1, 2, 3, 4, 5, 6, 7]))]]);
  const options = { mayBeBrief: true, timeMs: 3 };
  const { parts: written } = encodeFrame(type, 1, type === 'request' ? { method: 'echo' } : {}, list, options);
  return { type, bytes: frameBytes(written) };
});

/** A valid frame of every kind, as the encoder writes it. */
export const validFrames: readonly Uint8Array[] = [
  frameBytes(helloFrame({ name: 'raw', capabilities: ['a'] }, defaultLimits, 'a token').parts),
  ...parts.map((frame) => assembled(frame)),
  frameBytes(encodeFrame('reply', 3, {}, new Map([['d', tensorOf('u8', [2_000], new Uint8Array(2_000))]])).parts),
  ...briefFrames.map(({ bytes }) => bytes),
];

/** What a client says first, as one that follows the rules. */
export const validHello: Uint8Array = assembled(parts[0] as Parts); // it stands there

export function frameBytes(list: readonly Uint8Array[]): Uint8Array {
  return joined(...list);
}

/** A frame that was changed somewhere: in what it means, in its header, its lengths, or any byte of it. */
export function changedFrame(random: Random, of?: readonly FrameType[]): Uint8Array {
  const candidates = of === undefined ? parts : parts.filter(({ type }) => of.includes(type));
  const frame = pick(candidates, random);
  const brief = briefFrames.filter(({ type }) => of === undefined || of.includes(type));
  if (brief.length > 0 && random(8) === 0) return mutant(pick(brief, random).bytes, random, pick(validFrames, random));
  switch (random(6)) {
    case 0:
      return assembled({ ...frame, header: mutantOf(frame.header, random, pick(parts, random).header) });
    case 1:
      return assembled(frame, mutant(packr.pack(frame.header), random, packr.pack(pick(parts, random).header)));
    case 2:
      return withOddNumbers(frame, random);
    case 3:
      return mutant(assembled(frame), random, pick(validFrames, random));
    case 4: {
      const header = mutantOf(frame.header, random, pick(parts, random).header);
      return mutant(assembled({ ...frame, header, payload: mutant(payload, random) }), random);
    }
    default:
      return assembled({ ...frame, ...oddHead(random) });
  }
}

/** A header that was changed, with how much payload it should be for. */
export function changedHeader(random: Random): { readonly header: Uint8Array; readonly payloadBytes: number } {
  const frame = pick(parts, random);
  const payloadBytes = random(8) === 0 ? random(2 ** 32) * 2 ** random(22) : frame.payload.length;
  const odd = random(2) === 0 ? frame.header : mutantOf(frame.header, random, pick(parts, random).header);
  const header = packr.pack(odd);
  const other = packr.pack(pick(parts, random).header);
  return { header: random(2) === 0 ? header.slice() : mutant(header, random, other), payloadBytes };
}

function oddHead(random: Random): Partial<Parts> {
  const type = pick(Object.keys(frameTypes) as FrameType[], random);
  return {
    ...(random(2) === 0 ? { type } : {}),
    id: pick([0, 1, 2, 7, 2 ** 31, 2 ** 32 - 1], random),
    timeMs: pick([0, 1e-9, 0.5, 1, 2 ** 31, 2 ** 53, 1e308], random),
  };
}

/** One of the numbers in the fixed part is another. */
function withOddNumbers(frame: Parts, random: Random): Uint8Array {
  const bytes = assembled(frame);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const odd = pick([0, 1, 7, 8, 4096, 2 ** 20, 2 ** 20 + 1, 2 ** 31, 2 ** 32 - 1], random);
  const at = pick([4, 8, 12, 16, 20, 24, 28], random);
  if (at === 24) view.setFloat64(24, pick([-1, Number.NaN, Infinity, -0, 1e308], random), true);
  else view.setUint32(at, random(2) === 0 ? odd : view.getUint32(at, true) + random(17) - 8, true);
  return bytes;
}

function assembled(frame: Parts, header: Uint8Array = packr.pack(frame.header)): Uint8Array {
  const head = Buffer.alloc(fixedBytes);
  const { type, id, timeMs } = frame;
  writeFixed(head, { type, id, timeMs, headerBytes: header.length, payloadBytes: frame.payload.length });
  return joined(head, paddedBytes(header), frame.payload);
}

function paddedBytes(bytes: Uint8Array): Uint8Array {
  return joined(bytes, new Uint8Array(padded(bytes.length) - bytes.length));
}
