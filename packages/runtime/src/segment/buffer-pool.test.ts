import { expect, it } from 'vitest';
import { BufferPool } from './buffer-pool.js';

it('copies into buffers that were given back, of the same size only, and keeps a bounded number', () => {
  const pool = new BufferPool(2);
  const bytes = Uint8Array.of(1, 2, 3);
  const copies = [pool.copy(bytes), pool.copy(bytes), pool.copy(bytes)];
  expect(new Set(copies.map(({ buffer }) => buffer)).size).toBe(3);
  for (const copy of copies) pool.giveBack(copy);
  pool.giveBack(new Uint8Array(5));
  const again = [pool.copy(Uint8Array.of(4, 5, 6)), pool.copy(bytes), pool.copy(bytes), pool.copy(new Uint8Array(5))];
  expect(again.map((copy) => [...copy])).toEqual([
    [4, 5, 6],
    [1, 2, 3],
    [1, 2, 3],
    [0, 0, 0, 0, 0],
  ]);
  const reused = again.filter(({ buffer }) => copies.some((copy) => copy.buffer === buffer));
  expect(reused).toHaveLength(2);
});
