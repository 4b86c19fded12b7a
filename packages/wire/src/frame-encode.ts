import { asCutpointError, CutpointError, type NamedTensors } from '@cutpoint/core';
import { Packr } from 'msgpackr';
import { type FrameType, fixedBytes, padded, writeFixed } from './frame-format.js';
import { checkMsgpack } from './msgpack-check.js';
import { describeTensors } from './tensor-list.js';

/** A frame ready to be written: `parts` in order, small neighbours already joined. */
export interface EncodedFrame {
  readonly parts: readonly Uint8Array[];
  readonly bytes: number;
}

/** Text and numbers a frame carries beside its tensors. The receiver must check what it reads from it. */
export type Meta = Readonly<Record<string, unknown>>;

/** Parts up to this length are copied together: below it a copy is cheaper than another buffer in the system call. */
const joinBytes = 16 * 1024;
const zeros = new Uint8Array(8);
const noTensors: NamedTensors = new Map();
const packr = new Packr({ useRecords: false, encodeUndefinedAsNil: true });

/**
 * Encodes one frame. Large tensors are referred to, not copied: they must not change until the frame is sent.
 * @throws CutpointError CUT_INPUT if a tensor or `meta` cannot be carried.
 */
export function encodeFrame(
  type: FrameType,
  id: number,
  fields: Readonly<Record<string, unknown>> = {},
  tensors: NamedTensors = noTensors,
): EncodedFrame {
  const entries = describeTensors(tensors);
  const header = encodeHeader(entries.length === 0 ? fields : { ...fields, tensors: entries });
  const payloadBytes = entries.reduce((sum, { bytes }) => sum + padded(bytes), 0);
  const fixed = Buffer.allocUnsafe(fixedBytes);
  writeFixed(fixed, { type, id, headerBytes: header.length, payloadBytes });
  const parts: Uint8Array[] = [fixed, header];
  pad(parts, header.length);
  for (const { data } of tensors.values()) {
    if (data.length > 0) parts.push(data);
    pad(parts, data.length);
  }
  return { parts: joinSmall(parts), bytes: fixedBytes + padded(header.length) + payloadBytes };
}

/** @throws CutpointError CUT_WIRE_TOO_LARGE if the other side would refuse the frame. */
export function checkFrameFits({ bytes }: EncodedFrame, maxFrameBytes: number): void {
  if (bytes <= maxFrameBytes) return;
  throw new CutpointError(
    'CUT_WIRE_TOO_LARGE',
    `A frame of ${bytes} bytes is more than the ${maxFrameBytes} the other side accepts; send less or raise its limit.`,
  );
}

function encodeHeader(fields: Readonly<Record<string, unknown>>): Uint8Array {
  try {
    const header = packr.pack(fields);
    if (fields.meta !== undefined) checkMsgpack(header);
    return header;
  } catch (thrown) {
    const reason = asCutpointError(thrown, 'CUT_INPUT').message;
    throw new CutpointError('CUT_INPUT', `The meta data cannot be sent: only plain data can. ${reason}`, {
      cause: thrown,
    });
  }
}

function pad(parts: Uint8Array[], length: number): void {
  const missing = padded(length) - length;
  if (missing > 0) parts.push(zeros.subarray(0, missing));
}

function joinSmall(parts: readonly Uint8Array[]): Uint8Array[] {
  const joined: Uint8Array[] = [];
  let run: Uint8Array[] = [];
  const flush = (): void => {
    if (run.length > 0) joined.push(Buffer.concat(run));
    run = [];
  };
  for (const part of parts) {
    if (part.length <= joinBytes) run.push(part);
    else {
      flush();
      joined.push(part);
    }
  }
  flush();
  return joined;
}
