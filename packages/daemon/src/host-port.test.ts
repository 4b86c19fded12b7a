import { expect, it } from 'vitest';
import { readHostPort } from './host-port.js';

it.each([
  ['127.0.0.1:7480', '127.0.0.1', 7480],
  ['localhost:0', 'localhost', 0],
  ['[fd00::7]:65535', 'fd00::7', 65_535],
])('reads %s', (text, host, port) => {
  expect(readHostPort('--listen', text)).toEqual({ host, port });
});

it.each([':7480', '7480', 'localhost', 'fd00::7:80', '[fd00::7]', '[::1]:0x', 'a/b:1', 'a b:1', '[zz]:1', ''])(
  'refuses "%s" with an example',
  (text) => {
    const message = `--listen is "${text}", but must be host:port, such as 127.0.0.1:7480.`;
    expect(() => readHostPort('--listen', text)).toThrow(expect.objectContaining({ code: 'CUT_USAGE', message }));
  },
);

it('refuses a port that does not exist', () => {
  const message = '--http is "0.0.0.0:99999", but ports end at 65535.';
  expect(() => readHostPort('--http', '0.0.0.0:99999')).toThrow(
    expect.objectContaining({ code: 'CUT_USAGE', message }),
  );
});
