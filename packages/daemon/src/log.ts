import { type Logger, type LoggerOptions, pino } from 'pino';
import { prettyLine } from './pretty-line.js';
import type { RecentLines } from './recent-lines.js';

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
  keep,
}: {
  name: string;
  level: string;
  format: 'auto' | 'json' | 'pretty';
  /** Takes every line as well, as JSON. */
  keep?: RecentLines;
}): Log {
  const pretty = format === 'pretty' || (format === 'auto' && process.stderr.isTTY === true);
  const stderr = pino.destination({ fd: 2, sync: true });
  const colours = process.stderr.isTTY === true && process.env.NO_COLOR === undefined;
  const shown = pretty ? { write: (line: string) => void stderr.write(prettyLine(line, colours)) } : stderr;
  if (keep === undefined) return pino(logOptions(name, level), shown);
  const both = {
    write(line: string) {
      keep.write(line);
      shown.write(line);
    },
  };
  return pino(logOptions(name, level), both);
}

/** Longer texts are cut off: what a caller sends must not fill a disk. */
const longestText = 500;

/** What every log of a daemon has in common. */
export function logOptions(name: string, level: string): LoggerOptions {
  return {
    name,
    level,
    formatters: {
      level: (label) => ({ level: label }),
      log: (details) => Object.fromEntries(Object.entries(details).map(([key, value]) => [key, brief(value)])),
    },
    hooks: {
      logMethod(inputs, method) {
        const [details, ...texts] = inputs;
        method.apply(this, [brief(details), ...texts.map(brief)] as typeof inputs);
      },
    },
  };
}

function brief(value: unknown): unknown {
  if (typeof value !== 'string' || value.length <= longestText) return value;
  return `${value.slice(0, longestText)}... (${value.length} characters)`;
}
