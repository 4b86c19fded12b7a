import { tensorOf } from '@cutpoint/core';
import { describe, expect, it } from 'vitest';
import { requestIdOf, requestKeyOf, tagsOf } from './request-tags.js';

const tensors = (name: string, values: readonly number[], shape: readonly number[] = [values.length]) =>
  new Map([[name, tensorOf('f32', [...shape], Float32Array.from(values))]]);

describe('the tags of a request', () => {
  it('are its id and its generation, where it has them', () => {
    expect(tagsOf({})).toEqual({});
    expect(tagsOf({ id: 'a', generation: 3, at: [1] })).toEqual({ id: 'a', generation: 3 });
  });

  it('have an id that is a short text', () => {
    expect(requestIdOf({ id: 'x'.repeat(128) })).toHaveLength(128);
    for (const id of ['', 'x'.repeat(129), 7, {}]) {
      expect(() => requestIdOf({ id })).toThrow(expect.objectContaining({ code: 'CUT_INPUT' }));
    }
  });
});

describe('the key of a request', () => {
  it('is the same for the same request, and another for another split', () => {
    const key = requestKeyOf('a', { at: [1] }, tensors('x', [1, 2]));
    expect(requestKeyOf('a', { at: [1] }, tensors('x', [1, 2]))).toEqual(key);
    expect(requestKeyOf('a', { at: [2] }, tensors('x', [1, 2])).key).not.toBe(key.key);
    expect(requestKeyOf('b', { at: [1] }, tensors('x', [1, 2])).key).not.toBe(key.key);
  });

  it('has another fingerprint for other names, shapes or values', () => {
    const prints = [
      tensors('x', [1, 2]),
      tensors('y', [1, 2]),
      tensors('x', [1, 3]),
      tensors('x', [1, 2], [2, 1]),
      tensors('x', [1, 2, 3]),
    ].map((inputs) => requestKeyOf('a', {}, inputs).fingerprint);
    expect(new Set(prints).size).toBe(prints.length);
  });
});
