import { CutpointError } from '@cutpoint/core';
import { Refusal } from '@cutpoint/http';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseInference } from './infer-request.js';
import { defaultInferenceLimits } from './limits.js';

const head = Buffer.from(
  JSON.stringify({
    id: '1',
    parameters: { timeout: 1500, binary_data_output: true },
    inputs: [
      { name: 'a', shape: [2], datatype: 'INT16', parameters: { binary_data_size: 4 } },
      { name: 'b', shape: [2, 1], datatype: 'FP64', data: [[1.5], [2]] },
      { name: 'c', shape: [1], datatype: 'UINT8', parameters: { binary_data_size: 1 } },
    ],
    outputs: [{ name: 'y' }, { name: 'z', parameters: { binary_data: false } }],
  }),
);
const body = Buffer.concat([head, new Uint8Array([1, 0, 255, 255, 9])]);
const parse = (bytes: Buffer, length: string | undefined) =>
  parseInference(bytes, length, defaultInferenceLimits, JSON.parse);

describe('the body of an inference request', () => {
  it('gives tensors from JSON and from the bytes behind it, in order', () => {
    const parsed = parse(body, String(head.length));
    expect(parsed).toMatchObject({ id: '1', timeoutMs: 1.5, binaryOutput: true });
    expect([...parsed.inputs].map(([name, { dtype, shape, data }]) => [name, dtype, shape, [...data]])).toEqual([
      ['a', 'i16', [2], [1, 0, 255, 255]],
      ['b', 'f64', [2, 1], [...new Uint8Array(new Float64Array([1.5, 2]).buffer)]],
      ['c', 'u8', [1], [9]],
    ]);
    expect(parsed.outputs).toEqual([
      { name: 'y', binary: true },
      { name: 'z', binary: false },
    ]);
  });

  it('that was changed anywhere is read or refused in words, and its tensors have the bytes of their shapes', () => {
    const sizes = {
      u8: 1,
      i8: 1,
      bool: 1,
      i16: 2,
      u16: 2,
      f16: 2,
      bf16: 2,
      f32: 4,
      i32: 4,
      u32: 4,
      f64: 8,
      i64: 8,
      u64: 8,
    };
    const edit = fc.record({
      at: fc.nat(body.length),
      remove: fc.nat(6),
      insert: fc.oneof(fc.uint8Array({ maxLength: 6 }), text),
    });
    const length = fc.oneof(
      fc.constant(String(head.length)),
      fc.nat(body.length).map(String),
      fc.constant(undefined),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.array(edit, { maxLength: 3 }), length, (edits, jsonLength) => {
        let changed = body;
        for (const { at, remove, insert } of edits) {
          changed = Buffer.concat([changed.subarray(0, at), insert, changed.subarray(at + remove)]);
        }
        try {
          for (const { dtype, shape, data } of parse(changed, jsonLength).inputs.values()) {
            expect(data.length).toBe(shape.reduce((product, size) => product * size, sizes[dtype]));
          }
        } catch (thrown) {
          const refused = thrown instanceof Refusal || thrown instanceof CutpointError || thrown instanceof SyntaxError;
          expect(refused, String(thrown)).toBe(true);
        }
      }),
      { numRuns: 3_000 },
    );
  });
});

/** What JSON and the protocol are made of. */
const text = fc
  .constantFrom(
    'null',
    '[',
    ']',
    '{',
    '}',
    ',',
    '"',
    '1e999',
    '-1',
    '9007199254740993',
    'BYTES',
    'true',
    '\\u0000',
    '"data":',
    '0',
  )
  .map((part) => Buffer.from(part));
