import { type Logger, pino } from 'pino';
import { prettyLine } from './pretty-line.js';

/** A structured log: `log.info({ url }, 'ready')`. */
export type Log = Logger;

/**
 * Opens a log that writes to stderr: one JSON object a line, or lines for people.
 * Writes are synchronous, so the last words of a process are never lost.
 */
export function openLog({
  name,
  level,
  format,
}: {
  name: string;
  level: string;
  format: 'auto' | 'json' | 'pretty';
}): Log {
  const pretty = format === 'pretty' || (format === 'auto' && process.stderr.isTTY === true);
  const stderr = pino.destination({ fd: 2, sync: true });
  const colours = process.stderr.isTTY === true && process.env.NO_COLOR === undefined;
  const lines = { write: (line: string) => void stderr.write(prettyLine(line, colours)) };
  return pino({ name, level, formatters: { level: (label) => ({ level: label }) } }, pretty ? lines : stderr);
}
