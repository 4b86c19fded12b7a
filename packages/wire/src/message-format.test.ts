import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeMessage,
  encodeMessage,
  headBytes,
  type MessageType,
  messageTypes,
  type Reason,
  reasonBody,
  reasonOfBody,
  reasons,
  sizeBody,
  sizeOfBody,
} from './message-format.js';

const types = Object.keys(messageTypes) as MessageType[];
const number = fc.integer({ min: 0, max: 2 ** 48 - 1 });
const link = fc
  .array(fc.constantFrom(...'0123456789abcdef'), { minLength: 16, maxLength: 16 })
  .map((digits) => digits.join(''));
const head = fc.record({ type: fc.constantFrom(...types), fromOpener: fc.boolean(), link, seq: number, limit: number });

describe('a message through a broker', () => {
  it('is read as it was written, with its parts joined', () => {
    fc.assert(
      fc.property(head, fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 4 }), (given, parts) => {
        const { body, ...read } = decodeMessage(encodeMessage(given, parts));
        expect(read).toEqual(given);
        expect(Buffer.from(body)).toEqual(Buffer.concat(parts));
      }),
    );
  });

  it('is refused with a reason whatever else the bytes are', () => {
    const codes = new Set<unknown>();
    const valid = encodeMessage({ type: 'data', fromOpener: true, link: '0'.repeat(16), seq: 1, limit: 2 });
    fc.assert(
      fc.property(
        fc.nat({ max: headBytes - 1 }),
        fc.nat({ max: 255 }),
        fc.nat({ max: headBytes }),
        (at, byte, length) => {
          const changed = Buffer.from(valid.subarray(0, length));
          if (at < length) changed[at] = byte;
          try {
            expect(types).toContain(decodeMessage(changed).type);
          } catch (thrown) {
            codes.add((thrown as { code: unknown }).code);
          }
        },
      ),
      { numRuns: 5_000 },
    );
    expect([...codes].sort()).toEqual(['CUT_WIRE_MALFORMED', 'CUT_WIRE_VERSION']);
  });

  it('carries lengths and reasons', () => {
    expect(sizeOfBody(sizeBody(262_144))).toBe(262_144);
    for (const body of [sizeBody(1_023), new Uint8Array(3), new Uint8Array(5)]) {
      expect(() => sizeOfBody(body)).toThrow('no valid length');
    }
    for (const reason of Object.keys(reasons) as Reason[]) expect(reasonOfBody(reasonBody(reason))).toBe(reason);
    expect(reasonOfBody(Uint8Array.of(200))).toBe('broken');
    expect(reasonOfBody(new Uint8Array())).toBe('broken');
  });
});
