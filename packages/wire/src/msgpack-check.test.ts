import fc from 'fast-check';
import { Packr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { checkMsgpack, maxDepth, maxValues } from './msgpack-check.js';

const plain = new Packr({ useRecords: false });
const refused = expect.objectContaining({ code: 'CUT_WIRE_MALFORMED' });

describe('checkMsgpack', () => {
  it('lets all plain data pass', () => {
    fc.assert(
      fc.property(
        fc.jsonValue({ maxDepth: 6 }).filter((value) => !JSON.stringify(value).includes('__proto__')),
        (value) => checkMsgpack(plain.pack(value)),
      ),
      { numRuns: 500 },
    );
    checkMsgpack(
      plain.pack({ text: 'x'.repeat(70_000), list: new Array(20_000).fill(-70_000), float: 1.5, big: 2n ** 60n }),
    );
  });

  it('refuses everything that is cut short or longer than it says', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), fc.nat(), (value, at) => {
        const bytes = plain.pack(value);
        expect(() => checkMsgpack(bytes.subarray(0, at % bytes.length))).toThrow(refused);
        expect(() => checkMsgpack(Buffer.concat([bytes, Buffer.from([0])]))).toThrow(refused);
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    ['dates', new Date()],
    ['sets', new Set([1])],
    ['regular expressions', /x/],
    ['errors', new Error('x')],
    ['buffers', Buffer.from('x')],
    ['typed arrays', new Float32Array(2)],
    ['maps with other keys than text', new Map([[1, 2]])],
  ])('refuses %s', (_, value) => {
    const rich = new Packr({ useRecords: false, moreTypes: true, mapsAsObjects: false });
    expect(() => checkMsgpack(rich.pack([value]))).toThrow(refused);
  });

  it('refuses keys that would become a prototype, and no other text with that name in it', () => {
    expect(() => checkMsgpack(plain.pack({ a: JSON.parse('{"__proto__": {}}') }))).toThrow(refused);
    checkMsgpack(plain.pack({ a: '__proto__', __proto: 1, constructor: 2 }));
  });

  it('refuses records, which the decoder would compile', () => {
    expect(() => checkMsgpack(new Packr({ useRecords: true }).pack({ a: 1 }))).toThrow(refused);
  });

  it('refuses what nests too deeply or holds too many values, before it costs anything', () => {
    const nested = (depth: number): Buffer => Buffer.from([...new Array<number>(depth).fill(0x91), 0xc0]);
    checkMsgpack(nested(maxDepth));
    expect(() => checkMsgpack(nested(maxDepth + 1))).toThrow(refused);
    expect(() => checkMsgpack(nested(1_000_000))).toThrow(refused);
    checkMsgpack(plain.pack(new Array(maxValues - 1).fill(0)));
    expect(() => checkMsgpack(plain.pack(new Array(maxValues).fill(0)))).toThrow(refused);
    expect(() => checkMsgpack(Buffer.from([0xdd, 0xff, 0xff, 0xff, 0xff, 0xc0]))).toThrow(refused);
  });
});
