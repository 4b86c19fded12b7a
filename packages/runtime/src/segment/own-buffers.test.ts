import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BufferPool } from './buffer-pool.js';
import { ownBuffers } from './own-buffers.js';

/** Its types come with the browser's, which this package does without. */
const { Memory } = (
  globalThis as unknown as { WebAssembly: { Memory: new (of: { initial: number }) => { buffer: ArrayBuffer } } }
).WebAssembly;

describe('owned buffers', () => {
  it('hold the same bytes, each spanning a buffer that nobody else has', () => {
    const view = fc.record({ buffer: fc.nat(2), from: fc.nat(8), bytes: fc.nat(8) });
    fc.assert(
      fc.property(fc.array(view, { maxLength: 8 }), fc.boolean(), (views, transfer) => {
        const buffers = [0, 1, 2].map((i) => Uint8Array.from({ length: 8 }, (_, at) => i * 10 + at).buffer);
        const arrays = views.map(({ buffer, from, bytes }) =>
          new Uint8Array(buffers[buffer] ?? new ArrayBuffer(0)).subarray(from, from + bytes),
        );
        const before = arrays.map((array) => [...array]);
        const owned = ownBuffers(arrays, transfer, new BufferPool(2));
        expect(owned.map((array) => [...array])).toEqual(before);
        for (const { buffer, byteLength } of owned) {
          expect(buffer.byteLength).toBe(byteLength);
          expect(buffers).not.toContain(buffer);
        }
        expect(new Set(owned.map(({ buffer }) => buffer)).size).toBe(owned.length);
        if (!transfer) expect(arrays.map((array) => [...array])).toEqual(before);
      }),
    );
  });

  it('copy memory that cannot be given away', () => {
    const memory = new Uint8Array(new Memory({ initial: 1 }).buffer);
    memory[5] = 7;
    const [owned] = ownBuffers([memory], true, new BufferPool(2));
    expect(owned?.[5]).toBe(7);
    expect(memory.byteLength).toBe(65_536);
  });
});
