import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WebSocketDecoder } from './websocket-decoder.js';
import { binaryFrame, closeFrame, controlFrame, opcodes, type WebSocketRole } from './websocket-encode.js';

interface Heard {
  readonly payload: Buffer;
  readonly pings: string[];
  readonly ends: [code: number, problem: string | undefined][];
}

/** What a decoder of this role makes of the chunks; it unmasks in place, so it gets copies. */
function decode(role: WebSocketRole, chunks: readonly Uint8Array[]): Heard {
  const parts: Buffer[] = [];
  const pings: string[] = [];
  const ends: Heard['ends'] = [];
  const decoder = new WebSocketDecoder(role, {
    onPayload: (bytes) => parts.push(Buffer.from(bytes)),
    onPing: (payload) => pings.push(Buffer.from(payload).toString()),
    onEnd: (code, problem) => ends.push([code, problem]),
  });
  for (const chunk of chunks) decoder.push(Uint8Array.from(chunk), true);
  return { payload: Buffer.concat(parts), pings, ends };
}

/** A frame written down by the book, with any mask and in any form of length. */
function frame(first: number, payload: Uint8Array, key?: readonly number[], lengthBytes: 0 | 2 | 8 = 8): Buffer {
  const length = Buffer.alloc(lengthBytes);
  if (lengthBytes > 0) length.writeUIntBE(payload.length, Math.max(0, lengthBytes - 6), Math.min(6, lengthBytes));
  const short = lengthBytes === 0 ? payload.length : lengthBytes === 2 ? 126 : 127;
  const head = Buffer.concat([
    Buffer.of(first, short | (key === undefined ? 0 : 0x80)),
    length,
    Buffer.from(key ?? []),
  ]);
  return Buffer.concat([head, payload.map((byte, i) => byte ^ (key?.[i % 4] ?? 0))]);
}

function chop(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  return [...places, bytes.length].map((end, i) => bytes.subarray(places[i - 1] ?? 0, end));
}

const text = (bytes: string): Uint8Array => Buffer.from(bytes);
const key = fc.option(fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255)));
const messages = fc.array(
  fc.record({
    bytes: fc.uint8Array({ maxLength: 300 }),
    key,
    wide: fc.boolean(),
    ping: fc.boolean(),
    pieces: fc.nat(3),
  }),
  { maxLength: 8 },
);

describe('a WebSocket decoder', () => {
  it.each(['client', 'server'] as const)(
    'gives a %s the same bytes however they are masked, cut and chopped',
    (role) => {
      fc.assert(
        fc.property(messages, fc.array(fc.nat(4_000), { maxLength: 40 }), (list, cuts) => {
          const stream: Buffer[] = [];
          const expected: Uint8Array[] = [];
          let pings = 0;
          for (const { bytes, key, wide, ping, pieces } of list) {
            const mask = role === 'server' ? (key ?? [0, 0, 0, 0]) : undefined;
            for (let i = 0; i <= pieces; i++) {
              const first = (i === 0 ? opcodes.binary : opcodes.continuation) | (i === pieces ? 0x80 : 0);
              stream.push(frame(first, bytes, mask, wide ? 8 : 2));
              expected.push(bytes);
              if (!ping) continue;
              stream.push(frame(0x80 | opcodes.ping, text(`ping ${pings}`), mask, 0));
              stream.push(frame(0x80 | opcodes.pong, text(''), mask, 0));
              pings++;
            }
          }
          const heard = decode(role, chop(Buffer.concat(stream), cuts));
          expect(heard.payload).toEqual(Buffer.concat(expected));
          expect(heard.pings).toEqual(Array.from({ length: pings }, (_, i) => `ping ${i}`));
          expect(heard.ends).toEqual([]);
        }),
        { numRuns: 200 },
      );
    },
  );

  it.each([0, 1, 125, 126, 127, 16_380, 65_535, 65_536, 70_000])('reads what the encoder writes: %i bytes', (bytes) => {
    const parts = [new Uint8Array(bytes).fill(7), Uint8Array.of(1, 2, 3)];
    for (const [from, to] of [
      ['client', 'server'],
      ['server', 'client'],
    ] as const) {
      const frames = [...binaryFrame(from, parts), controlFrame(from, opcodes.ping, text('x')), closeFrame(from, 1001)];
      expect(decode(to, frames)).toEqual({ payload: Buffer.concat(parts), pings: ['x'], ends: [[1001, undefined]] });
    }
  });

  const zeros = [0, 0, 0, 0];
  it.each([
    ['reserved bits', frame(0xc2, text('x'), zeros, 0), 1002],
    ['an unknown opcode', frame(0x83, text('x'), zeros, 0), 1002],
    ['an unknown control opcode', frame(0x8b, text(''), zeros, 0), 1002],
    ['text', frame(0x81, text('x'), zeros, 0), 1003],
    ['a frame of a client without a mask', frame(0x82, text('x'), undefined, 0), 1002],
    ['a ping in pieces', frame(0x09, text('x'), zeros, 0), 1002],
    ['a ping of 126 bytes', frame(0x89, new Uint8Array(126), zeros, 2), 1002],
    ['a continuation of nothing', frame(0x80, text('x'), zeros, 0), 1002],
    ['a message inside a message', Buffer.concat([frame(2, text(''), zeros, 0), frame(2, text('y'), zeros, 0)]), 1002],
    ['a close frame of one byte', frame(0x88, text('x'), zeros, 0), 1002],
    ['a close code nobody may send', frame(0x88, Buffer.of(3, 0xed), zeros, 0), 1002],
    ['a length of 2^62', Buffer.from('82ff4000000000000000' + '00000000', 'hex'), 1009],
  ])('refuses %s, and takes nothing more', (_, bytes, code) => {
    const { payload, pings, ends } = decode('server', [bytes, frame(0x82, text('more'), zeros, 0)]);
    expect(ends).toEqual([[code, expect.any(String)]]);
    expect([payload.length, pings.length]).toEqual([0, 0]);
  });

  it('refuses a masked frame of a server', () => {
    expect(decode('client', [frame(0x82, text('x'), zeros, 0)]).ends).toEqual([[1002, expect.any(String)]]);
  });

  it('ends once at most, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 10 }), (chunks) => {
        expect(decode('server', chunks).ends.length).toBeLessThanOrEqual(1);
      }),
      { numRuns: 500 },
    );
  });

  it('offers only plain payload for reading elsewhere', () => {
    const decoder = new WebSocketDecoder('client', { onPayload: () => {}, onPing: () => {}, onEnd: () => {} });
    expect(decoder.plainBytes).toBe(0);
    decoder.push(frame(0x82, new Uint8Array(100)).subarray(0, 20), false);
    expect(decoder.plainBytes).toBe(90);
    decoder.skip(90);
    expect(decoder.plainBytes).toBe(0);
    const masked = new WebSocketDecoder('server', { onPayload: () => {}, onPing: () => {}, onEnd: () => {} });
    masked.push(frame(0x82, new Uint8Array(100), [1, 0, 0, 0]).subarray(0, 20), false);
    expect(masked.plainBytes).toBe(0);
  });
});
