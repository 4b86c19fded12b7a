import { messageOf } from './errors.js';

/**
 * Why the operating system refused, without its code and the path, which the sentence around it names already:
 * `no such file or directory`. The message of anything else, without a full stop.
 */
export function systemReason(thrown: unknown): string {
  const message = messageOf(thrown);
  const [, reason] = /^E[A-Z0-9]+: (.+?)(?:, [a-z]+(?: '.*')?)?$/s.exec(message) ?? [];
  return (reason ?? message).replace(/[.\s]+$/, '');
}
