import { expect, test } from 'vitest';
import { checkMemory } from './memory.js';

const [a, b] = ['a'.repeat(64), 'b'.repeat(64)];

test('what fits to the byte is accepted, and a segment that several splits share counts once', () => {
  const shared = { hash: a, memoryBytes: 200e6 };
  expect(() => checkMemory('classifier', [shared, shared, { hash: b, memoryBytes: 100e6 }], 300e6)).not.toThrow();
  expect(() => checkMemory('classifier', [], 0)).not.toThrow();
});

test('what does not fit is refused with the numbers', () => {
  expect(() => checkMemory('classifier', [{ hash: a, memoryBytes: 412e6 }], 300e6)).toThrow(
    expect.objectContaining({
      code: 'CUT_MEMORY',
      message: 'The deployment classifier needs 412 MB on this device, but 300 MB are free.',
    }),
  );
});
