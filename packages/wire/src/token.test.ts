import { describe, expect, it } from 'vitest';
import { checkToken } from './token.js';

describe('checkToken', () => {
  it('asks for nothing where no token was set', () => {
    expect(() => checkToken(undefined, undefined)).not.toThrow();
    expect(() => checkToken(undefined, 'anything')).not.toThrow();
  });

  it('takes the token that was set', () => {
    expect(() => checkToken('right', 'right')).not.toThrow();
  });

  it.each(['wrong', 'righ', 'right ', 'RIGHT', ''])('refuses %j, and does not tell what would be right', (given) => {
    expect(() => checkToken('right', given)).toThrow(expect.objectContaining({ code: 'CUT_UNAUTHORISED' }));
    expect(() => checkToken('right', given)).toThrow(
      /^The token is wrong: give the one that the server was started with/,
    );
  });

  it('says that there was none', () => {
    expect(() => checkToken('right', undefined)).toThrow(/none was given/);
    expect(() => checkToken('', undefined)).toThrow(expect.objectContaining({ code: 'CUT_UNAUTHORISED' }));
  });
});
