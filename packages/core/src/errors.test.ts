import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { asCutpointError, CutpointError, errorCodes, isErrorCode } from './errors.js';

describe('docs/errors.md', () => {
  it('lists every code with its exit status and meaning, and no other', () => {
    const text = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8');
    const rows = [...text.matchAll(/^\| `(CUT_\w+)` \| (\d) \| (.+?) \| .+ \|$/gm)].map(([, code, exit, meaning]) => [
      code,
      { exit: Number(exit), meaning },
    ]);
    expect(Object.fromEntries(rows)).toEqual(errorCodes);
  });
});

describe('CutpointError', () => {
  it('keeps its code, message and cause', () => {
    const cause = new Error('why');
    const error = new CutpointError('CUT_RUN', 'It failed.', { cause });
    expect([error.code, error.message, error.cause]).toEqual(['CUT_RUN', 'It failed.', cause]);
  });

  it('is recognised across duplicate installations of the package, and nothing else is', () => {
    const foreign = Object.assign(new Error('x'), { code: 'CUT_RUN', [Symbol.for('cutpoint.error')]: true });
    expect(foreign).toBeInstanceOf(CutpointError);
    expect(new Error('x')).not.toBeInstanceOf(CutpointError);
    expect(null).not.toBeInstanceOf(CutpointError);
  });

  it('wraps other failures once, with context', () => {
    const wrapped = asCutpointError(new Error('disk full'), 'CUT_FILE_NOT_FOUND', 'Cannot write a.npz');
    expect([wrapped.code, wrapped.message]).toEqual(['CUT_FILE_NOT_FOUND', 'Cannot write a.npz: disk full']);
    expect(asCutpointError(wrapped, 'CUT_INTERNAL')).toBe(wrapped);
  });

  it('does not take inherited names for codes', () => {
    expect(isErrorCode('CUT_RUN')).toBe(true);
    expect(isErrorCode('toString')).toBe(false);
    expect(isErrorCode(3)).toBe(false);
  });
});
