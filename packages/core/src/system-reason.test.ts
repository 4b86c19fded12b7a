import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { systemReason } from './system-reason.js';

function thrownBy(action: () => unknown): unknown {
  try {
    action();
  } catch (thrown) {
    return thrown;
  }
  return undefined;
}

describe('the reason of the operating system', () => {
  it('is its own words, without code and path', () => {
    expect(systemReason(thrownBy(() => readFileSync("/absent, it's/file")))).toBe('no such file or directory');
    expect(systemReason(thrownBy(() => readFileSync(import.meta.dirname)))).toBe('illegal operation on a directory');
    expect(systemReason(new Error('ENOSPC: no space left on device, write'))).toBe('no space left on device');
  });

  it('is the message of any other error, ready to end in a full stop', () => {
    expect(systemReason(new Error('The disk is full.'))).toBe('The disk is full');
    expect(systemReason('gone')).toBe('gone');
  });
});
