import type { Duplex } from 'node:stream';
import { CutpointError } from '@cutpoint/core';
import type { Packet } from './protocol.js';

/**
 * Packets over a byte stream between a process and its own child. On the stream: the head's length (u32, little-endian),
 * the head as JSON (the message and the payload lengths), the payloads. Payloads are written from and read into their
 * own buffers, which for 16 MB takes half the time of `child_process`'s advanced serialization.
 */
interface Head<M> {
  readonly message: M;
  readonly lengths: readonly number[];
}

// The other end is our own code, so these bound the damage of a defect; no honest packet comes near them.
const maxHeadBytes = 64 * 2 ** 20;
const maxPayloadBytes = 2 ** 33;

/** Writes a packet; the payloads must stay unchanged until they are sent. */
export function writePacket(stream: Duplex, { message, payloads }: Packet<unknown>): void {
  const head: Head<unknown> = { message, lengths: payloads.map((payload) => payload.byteLength) };
  const json = Buffer.from(JSON.stringify(head));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(json.byteLength);
  stream.cork();
  stream.write(length);
  stream.write(json);
  for (const payload of payloads) if (payload.byteLength > 0) stream.write(payload);
  stream.uncork();
}

/** Calls `receive` with each packet, in order. The stream is destroyed with CUT_INTERNAL if the bytes make no sense. */
export function readPackets<M>(stream: Duplex, receive: (packet: Packet<M>) => void): void {
  const packets = packetReader<M>(receive);
  stream.on('data', (chunk: Buffer) => {
    try {
      packets.push(chunk);
    } catch (thrown) {
      stream.destroy(thrown instanceof Error ? thrown : new Error(String(thrown)));
    }
  });
}

/** Assembles packets from chunks of any size. */
export function packetReader<M>(receive: (packet: Packet<M>) => void): { push(chunk: Uint8Array): void } {
  let state: 'length' | 'head' | 'payload' = 'length';
  let target = new Uint8Array(4);
  let filled = 0;
  let head: Head<M> | undefined;
  let payloads: Uint8Array<ArrayBuffer>[] = [];

  function expect(next: typeof state, bytes: number): void {
    state = next;
    target = new Uint8Array(bytes);
    filled = 0;
  }

  /** Prepares the next payload; with none left the packet is whole. */
  function nextPayload(current: Head<M>): void {
    for (;;) {
      const bytes = current.lengths[payloads.length];
      if (bytes === undefined) break;
      if (bytes !== 0) {
        expect('payload', limited(bytes, maxPayloadBytes));
        return;
      }
      payloads.push(new Uint8Array(0));
    }
    const whole = { message: current.message, payloads };
    payloads = [];
    expect('length', 4);
    receive(whole);
  }

  function filledUp(): void {
    if (state === 'length') {
      expect('head', limited(new DataView(target.buffer).getUint32(0, true), maxHeadBytes));
    } else if (state === 'head') {
      head = JSON.parse(Buffer.from(target.buffer).toString()) as Head<M>;
      nextPayload(head);
    } else if (head !== undefined) {
      payloads.push(target);
      nextPayload(head);
    }
  }

  return {
    push(chunk) {
      let at = 0;
      while (at < chunk.byteLength) {
        const part = chunk.subarray(at, at + target.byteLength - filled);
        target.set(part, filled);
        filled += part.byteLength;
        at += part.byteLength;
        if (filled === target.byteLength) filledUp();
      }
    },
  };
}

function limited(bytes: number, limit: number): number {
  if (Number.isSafeInteger(bytes) && bytes > 0 && bytes <= limit) return bytes;
  throw new CutpointError(
    'CUT_INTERNAL',
    `A segment's process announced ${bytes} bytes where at most ${limit} can be.`,
  );
}
