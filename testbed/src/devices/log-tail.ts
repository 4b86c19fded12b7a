import type { Readable } from 'node:stream';

const keptCharacters = 4_000;

/** The last words of a process. */
export interface LogTail {
  text(): string;
}

/** Keeps the end of what a stream says, and nothing of the rest. */
export function keepTail(stream: Readable | null): LogTail {
  let kept = '';
  stream?.setEncoding('utf8').on('data', (text: string) => {
    kept = (kept + text).slice(-keptCharacters);
  });
  return { text: () => kept.trim() };
}
