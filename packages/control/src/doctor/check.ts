export type Outcome = 'ok' | 'warn' | 'fail';

/** One thing that was looked at. */
export interface Check {
  readonly name: string;
  readonly outcome: Outcome;
  /** What was found. */
  readonly sentence: string;
  /** What to do about it. */
  readonly advice?: string;
}

export function ok(name: string, sentence: string): Check {
  return { name, outcome: 'ok', sentence };
}

export function warn(name: string, sentence: string, advice: string): Check {
  return { name, outcome: 'warn', sentence, advice };
}

export function fail(name: string, sentence: string, advice: string): Check {
  return { name, outcome: 'fail', sentence, advice };
}

/** A length of time as a person says it: `61 minutes`. */
export function inWords(ms: number): string {
  const seconds = Math.round(Math.abs(ms) / 1_000);
  if (seconds < 120) return counted(seconds, 'second');
  if (seconds < 120 * 60) return counted(Math.round(seconds / 60), 'minute');
  if (seconds < 48 * 3_600) return counted(Math.round(seconds / 3_600), 'hour');
  return counted(Math.round(seconds / 86_400), 'day');
}

/** Bytes as a person says them: `1.2 GB`. */
export function bytesInWords(bytes: number): string {
  const [scale, unit] = bytes >= 1e9 ? [1e9, 'GB'] : [1e6, 'MB'];
  return `${(bytes / scale).toPrecision(3)} ${unit}`;
}

function counted(count: number, unit: string): string {
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}
