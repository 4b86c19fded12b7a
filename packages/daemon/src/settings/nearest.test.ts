import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nearest } from './nearest.js';

describe('the nearest name', () => {
  it('is the one that was meant', () => {
    expect(nearest('treads', ['threads', 'listen'])).toBe('threads');
    expect(nearest('tokenfile', ['token-file', 'tls-key'])).toBe('token-file');
    expect(nearest('maxQueue', ['max-queue', 'max-requests'])).toBe('max-queue');
  });

  it('is none where nothing is like it', () => {
    expect(nearest('colour', ['threads', 'listen'])).toBeUndefined();
    expect(nearest('x', [])).toBeUndefined();
  });

  it('is a name itself, wherever it stands', () => {
    const names = fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1 });
    fc.assert(
      fc.property(names, fc.nat(), (list, i) => {
        const word = list[i % list.length] ?? '';
        expect(nearest(word, list)).toBe(word);
      }),
    );
  });

  it('is found with one letter missing, doubled or changed', () => {
    const name = 'connect-timeout-ms';
    fc.assert(
      fc.property(fc.nat(name.length - 1), fc.constantFrom('', 'qq', 'q'), (at, instead) => {
        const typo = name.slice(0, at) + instead + name.slice(at + 1);
        expect(nearest(typo, ['max-backoff-ms', name, 'timeout-ms'])).toBe(name);
      }),
    );
  });
});
