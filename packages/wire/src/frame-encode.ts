import { CutpointError, type NamedTensors } from '@cutpoint/core';
import { encodeBrief } from './brief-frame.js';
import { type FixedPart, type FrameType, fixedBytes, padded, writeFixed } from './frame-format.js';
import { encodeHeader, type Fields, type HeaderEncoder } from './header-encoder.js';
import type { FrameLimits } from './limits.js';
import { joinBytes, uncleared } from './memory.js';

/** A frame ready to be written: `parts` in order, small neighbours already joined. */
export interface EncodedFrame {
  readonly parts: readonly Uint8Array[];
  readonly bytes: number;
  readonly headerBytes: number;
  /** How many. */
  readonly tensors: number;
}

/** Text and numbers a frame carries beside its tensors. The receiver must check what it reads from it. */
export type Meta = Readonly<Record<string, unknown>>;

/** What few frames have: a time (see `FixedPart`), headers that repeat, and a receiver that takes brief ones. */
interface FrameOptions {
  readonly timeMs?: number;
  readonly headers?: HeaderEncoder;
  readonly mayBeBrief?: boolean;
}

/** Parts up to this length are copied together: below it a copy is cheaper than another buffer in the system call. */
const mostJoined = 16 * 1024;
const zeros = new Uint8Array(8);
const noTensors: NamedTensors = new Map();

/**
 * Encodes one frame. Large tensors are referred to, not copied: they must not change until the frame is sent.
 * @throws CutpointError CUT_INPUT if a tensor or `meta` cannot be carried.
 */
export function encodeFrame(
  type: FrameType,
  id: number,
  fields: Fields = {},
  tensors: NamedTensors = noTensors,
  { timeMs = 0, headers, mayBeBrief = false }: FrameOptions = {},
): EncodedFrame {
  const brief = mayBeBrief ? encodeBrief({ type, id, timeMs }, fields, tensors) : undefined;
  if (brief !== undefined) return { parts: [brief], bytes: brief.length, headerBytes: 0, tensors: 1 };
  const header = headers === undefined ? encodeHeader(fields, tensors) : headers.encode(fields, tensors);
  let payloadBytes = 0;
  for (const { data } of tensors.values()) payloadBytes += padded(data.length);
  const bytes = fixedBytes + padded(header.length) + payloadBytes;
  const fixed = { type, id, headerBytes: header.length, payloadBytes, timeMs };
  const parts = bytes <= mostJoined ? [joined(fixed, header, tensors, bytes)] : separate(fixed, header, tensors);
  return { parts, bytes, headerBytes: header.length, tensors: tensors.size };
}

/** A small frame as one buffer. */
function joined(fixed: FixedPart, header: Uint8Array, tensors: NamedTensors, bytes: number): Uint8Array {
  const frame = uncleared(bytes);
  writeFixed(frame, fixed);
  let at = append(frame, fixedBytes, header);
  for (const { data } of tensors.values()) at = append(frame, at, data);
  return frame;
}

/** Copies bytes to a place, clears the padding after them and gives the place that follows. */
function append(frame: Uint8Array, at: number, bytes: Uint8Array): number {
  frame.set(bytes, at);
  const end = at + padded(bytes.length);
  for (let i = at + bytes.length; i < end; i++) frame[i] = 0;
  return end;
}

/** A large frame as several buffers: large pieces as they are, small neighbours copied together. */
function separate(fixed: FixedPart, header: Uint8Array, tensors: NamedTensors): Uint8Array[] {
  const start = uncleared(fixedBytes);
  writeFixed(start, fixed);
  const parts: Uint8Array[] = [];
  let run: Uint8Array[] = [start];
  for (const piece of [header, ...Array.from(tensors.values(), ({ data }) => data)]) {
    const padding = zeros.subarray(0, padded(piece.length) - piece.length);
    if (piece.length <= mostJoined) run.push(piece, padding);
    else {
      if (run.length > 0) parts.push(joinBytes(run));
      parts.push(piece);
      run = padding.length === 0 ? [] : [padding];
    }
  }
  if (run.length > 0) parts.push(joinBytes(run));
  return parts;
}

/** @throws CutpointError CUT_WIRE_TOO_LARGE if the other side, which announced these limits, would refuse the frame. */
export function checkFrameFits({ bytes, headerBytes, tensors }: EncodedFrame, limits: FrameLimits): void {
  const { maxFrameBytes, maxHeaderBytes, maxTensors } = limits;
  if (bytes > maxFrameBytes) throw tooLarge(`of ${bytes} bytes`, `${maxFrameBytes}`);
  if (headerBytes > maxHeaderBytes) throw tooLarge(`with a header of ${headerBytes} bytes`, `${maxHeaderBytes}`);
  if (tensors > maxTensors) throw tooLarge(`with ${tensors} tensors`, `${maxTensors}`);
}

function tooLarge(what: string, limit: string): CutpointError {
  const message = `A frame ${what} is more than the ${limit} the other side accepts; send less or raise its limit.`;
  return new CutpointError('CUT_WIRE_TOO_LARGE', message);
}
