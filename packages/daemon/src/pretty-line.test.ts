import { pino } from 'pino';
import { expect, it } from 'vitest';
import { prettyLine } from './pretty-line.js';

function pretty(colours: boolean, message = 'ready'): string {
  const lines: string[] = [];
  const stream = { write: (line: string) => void lines.push(prettyLine(line, colours)) };
  const log = pino({ name: 'serve', formatters: { level: (level) => ({ level }) } }, stream);
  log.info({ url: 'ws://127.0.0.1:7400', answers: ['y'] }, message);
  return lines.join('');
}

it('shows time, level, name, message and details in one line', () => {
  expect(pretty(false)).toMatch(
    /^\d\d:\d\d:\d\d {2}info {3}serve {2}ready {2}url=ws:\/\/127\.0\.0\.1:7400 {2}answers=\["y"\]\n$/,
  );
});

it('colours the level only', () => {
  expect(pretty(true)).toContain('\u001b[36minfo \u001b[0m  serve');
});

it('shows control characters instead of obeying them', () => {
  expect(pretty(false, 'no\n\u001b[2Jthing')).toContain('no\\x0a\\x1b[2Jthing');
});
