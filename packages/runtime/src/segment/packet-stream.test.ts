import { Duplex, PassThrough } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packetReader, readPackets, writePacket } from './packet-stream.js';
import type { Packet } from './protocol.js';

const packets = fc.array(
  fc.record({
    message: fc.record({ id: fc.nat(), name: fc.string(), shape: fc.array(fc.nat()) }),
    payloads: fc.array(fc.uint8Array({ maxLength: 300 }).map((bytes) => new Uint8Array(bytes))),
  }),
  { maxLength: 6 },
);

function written(all: readonly Packet<unknown>[]): Buffer {
  const chunks: Buffer[] = [];
  const sink = new Duplex({
    read() {},
    write(chunk: Buffer, _, done) {
      chunks.push(Buffer.from(chunk));
      done();
    },
  });
  for (const packet of all) writePacket(sink, packet);
  return Buffer.concat(chunks);
}

const lengthOf = (bytes: number): Buffer => {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes);
  return length;
};

describe('packets on a stream', () => {
  it('arrive as they were sent, however the bytes are cut into chunks', () => {
    fc.assert(
      fc.property(packets, fc.integer({ min: 1, max: 500 }), (sent, step) => {
        const received: Packet<unknown>[] = [];
        const reader = packetReader<unknown>((packet) => received.push(packet));
        const bytes = written(sent);
        for (let at = 0; at < bytes.length; at += step) reader.push(bytes.subarray(at, at + step));
        expect(received).toEqual(sent);
        for (const { payloads } of received) {
          for (const payload of payloads) expect(payload.buffer.byteLength).toBe(payload.byteLength);
        }
      }),
    );
  });

  it('are refused before anything is allocated for a length that cannot be', () => {
    const tooLongHead = packetReader(() => {});
    expect(() => tooLongHead.push(lengthOf(2 ** 32 - 1))).toThrow('announced 4294967295 bytes');
    for (const length of [2 ** 40, -1, 1.5]) {
      const head = Buffer.from(JSON.stringify({ message: {}, lengths: [length] }));
      const reader = packetReader(() => {});
      expect(() => reader.push(Buffer.concat([lengthOf(head.length), head]))).toThrow(`announced ${length} bytes`);
    }
  });

  it('destroy the stream when they make no sense', async () => {
    const stream = new PassThrough();
    const failed = new Promise<Error>((resolve) => stream.once('error', resolve));
    readPackets(stream, () => {});
    stream.write(Buffer.concat([lengthOf(3), Buffer.from('{{{')]));
    expect(await failed).toBeInstanceOf(Error);
    expect(stream.destroyed).toBe(true);
  });
});
