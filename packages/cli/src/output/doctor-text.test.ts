import { expect, it } from 'vitest';
import { doctorText } from './doctor-text.js';

it('the report of the doctor is aligned, says what to do, and counts', () => {
  const text = doctorText([
    { name: 'node', outcome: 'ok', sentence: 'Node runs this.' },
    { name: 'certificate', outcome: 'fail', sentence: 'It expired.', advice: 'Renew it.' },
    { name: 'clock', outcome: 'warn', sentence: 'It is off.', advice: 'Set it.' },
  ]);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character starts a colour code.
  expect(text.replace(/\u001b\[[0-9;]*m/g, '')).toBe(
    [
      'ok    node         Node runs this.',
      'fail  certificate  It expired.',
      '                   Renew it.',
      'warn  clock        It is off.',
      '                   Set it.',
      '',
      '1 ok, 1 to know, 1 wrong',
      '',
    ].join('\n'),
  );
});
