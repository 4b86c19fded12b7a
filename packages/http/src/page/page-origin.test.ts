import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { isFromOwnPage } from './page-origin.js';

const asks = (headers: { host?: string; origin?: string }, onlyHere: boolean) =>
  isFromOwnPage({ headers } as IncomingMessage, onlyHere);

describe('isFromOwnPage', () => {
  it('takes a page of the same host and port, and a program', () => {
    expect(asks({ host: '127.0.0.1:7480', origin: 'http://127.0.0.1:7480' }, true)).toBe(true);
    expect(asks({ host: 'Server.example:7480', origin: 'https://server.example:7480' }, false)).toBe(true);
    expect(asks({ host: '127.0.0.1:7480' }, true)).toBe(true);
  });

  it.each(['http://elsewhere.example', 'http://127.0.0.1:7481', 'http://localhost:7480', 'null', ''])(
    'refuses a page of %j',
    (origin) => expect(asks({ host: '127.0.0.1:7480', origin }, false)).toBe(false),
  );

  it('believes only names of this machine where only this machine may ask', () => {
    const led = { host: 'rebound.example:7480', origin: 'http://rebound.example:7480' };
    expect(asks(led, true)).toBe(false);
    expect(asks(led, false)).toBe(true);
    expect(asks({ host: 'localhost:7480', origin: 'http://localhost:7480' }, true)).toBe(true);
  });

  it('refuses who does not say whom it asks', () => {
    expect(asks({ origin: 'http://127.0.0.1:7480' }, false)).toBe(false);
  });
});
