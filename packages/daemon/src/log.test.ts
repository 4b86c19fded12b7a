import { pino } from 'pino';
import { expect, it } from 'vitest';
import { logOptions } from './log.js';

it('cuts off what a caller made long, in the message and beside it', () => {
  const lines: string[] = [];
  const log = pino(logOptions('serve', 'info'), { write: (line) => void lines.push(line) });
  const long = 'x'.repeat(1_000_000);
  log.warn({ method: long, ms: 3 }, `no method "${long}"`);
  log.info(long);
  log.info({ method: 'infer' }, 'answered');
  expect(lines.map((line) => line.length).every((length) => length < 2_000)).toBe(true);
  const [warned, , answered] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(warned).toMatchObject({ level: 'warn', name: 'serve', ms: 3, method: expect.stringMatching(/1000000 char/) });
  expect(answered).toMatchObject({ method: 'infer', msg: 'answered' });
});
