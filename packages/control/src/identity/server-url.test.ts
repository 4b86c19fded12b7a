import { expect, it } from 'vitest';
import { serverUrl } from './identity-client.js';

it.each([
  ['https://10.0.0.1:7480', 'https://10.0.0.1:7480'],
  ['https://10.0.0.1', 'https://10.0.0.1:7480'],
  ['https://Box.lan/', 'https://box.lan:7480'],
  ['https://box.lan:443', 'https://box.lan:443'],
  ['box.lan', 'https://box.lan:7480'],
  ['[fd00::7]:80', 'https://[fd00::7]:80'],
])('the server at %s is asked at %s', (text, url) => expect(serverUrl(text)).toBe(url));

it.each(['https://', 'http://10.0.0.1:7480', 'https://10.0.0.1/v1', 'https://a@b:1', '', ':7480', 'fd00::7'])(
  '"%s" is refused with what to give',
  (text) => {
    const message = expect.stringMatching(/is no address of a server: give https:\/\/HOST:PORT/);
    expect(() => serverUrl(text)).toThrow(expect.objectContaining({ code: 'CUT_USAGE', message }));
  },
);

it.each(['https://10.0.0.1:99999', 'box:0'])('"%s" is refused, as there is no such port', (text) => {
  const message = expect.stringMatching(/ports are 1 to 65535/);
  expect(() => serverUrl(text)).toThrow(expect.objectContaining({ code: 'CUT_USAGE', message }));
});
