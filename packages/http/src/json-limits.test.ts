import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkJson } from './json-limits.js';

const bytes = (text: string) => new TextEncoder().encode(text);
const tooLarge = expect.objectContaining({ status: 413 });

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

function scalarsOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1;
  return Object.values(value).reduce((sum: number, item) => sum + scalarsOf(item), 0);
}

describe('the JSON of a request', () => {
  it('passes up to exactly the depth that is allowed, whatever its texts hold', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), fc.boolean(), (value, pretty) => {
        const text = bytes(JSON.stringify(value, null, pretty ? 1 : 0));
        const maxDepth = depthOf(value);
        checkJson(text, { maxDepth, maxValues: 1e6 });
        if (maxDepth > 0) expect(() => checkJson(text, { maxDepth: maxDepth - 1, maxValues: 1e6 })).toThrow(tooLarge);
      }),
    );
  });

  it('never passes with more values than are allowed', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        const scalars = scalarsOf(value);
        if (scalars < 2) return;
        expect(() => checkJson(bytes(JSON.stringify(value)), { maxDepth: 99, maxValues: scalars - 1 })).toThrow(
          tooLarge,
        );
      }),
    );
  });

  it('may hold as many numbers as are allowed in one list', () => {
    const text = bytes(JSON.stringify(new Array(1000).fill(1)));
    checkJson(text, { maxDepth: 1, maxValues: 1001 });
    expect(() => checkJson(text, { maxDepth: 1, maxValues: 999 })).toThrow(tooLarge);
  });

  it('ends in the middle without harm', () => {
    for (const text of ['"', '"\\', '[[', ']]]', '']) checkJson(bytes(text), { maxDepth: 9, maxValues: 9 });
  });
});
