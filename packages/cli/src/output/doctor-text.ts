import type { Check, Outcome } from '@cutpoint/control';
import pc from 'picocolors';

const colours: Readonly<Record<Outcome, (text: string) => string>> = { ok: pc.green, warn: pc.yellow, fail: pc.red };

/** Checks for the screen: outcome, name and sentence in columns, what to do below, and a last line that counts. */
export function doctorText(checks: readonly Check[]): string {
  const width = Math.max(0, ...checks.map(({ name }) => name.length));
  const lines = checks.flatMap(({ name, outcome, sentence, advice }) => {
    const line = `${colours[outcome](outcome.padEnd(4))}  ${name.padEnd(width)}  ${sentence}`;
    return advice === undefined ? [line] : [line, `${' '.repeat(4 + 2 + width + 2)}${advice}`];
  });
  const count = (outcome: Outcome) => checks.filter((check) => check.outcome === outcome).length;
  return `${lines.join('\n')}\n\n${count('ok')} ok, ${count('warn')} to know, ${count('fail')} wrong\n`;
}
