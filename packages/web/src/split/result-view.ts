import { element } from '../ui/elements.js';
import type { AnswerLine } from './answer-text.js';
import type { SplitResult } from './split-run.js';

/** The answer, with how sure the model is of each line of it. */
export function answerList(lines: readonly AnswerLine[]): HTMLElement {
  const items = lines.map(({ text, probability }) => {
    const share = probability === undefined ? [] : [element('span', { className: 'share' }, percent(probability))];
    return element('li', {}, element('span', { className: 'answer' }, text), ...share);
  });
  return element('ol', { className: 'answers' }, ...items);
}

/** Where the time went, and what crossed. */
export function figures({ front, linkMs, serverMs, totalMs, sentBytes, receivedBytes }: SplitResult): HTMLElement {
  const rows: readonly (readonly [string, string])[] = [
    ['Front segment, here', ms(front.frontMs)],
    [`Encoding, on the ${front.encodedOn}`, ms(front.encodeMs)],
    ['Link, both ways', ms(linkMs)],
    ['Server', ms(serverMs)],
    ['In all', ms(totalMs)],
    ['Sent', `${bytes(sentBytes)} (raw ${bytes(front.rawBytes)})`],
    ['Received', bytes(receivedBytes)],
  ];
  const cells = rows.map(([name, value]) =>
    element('tr', {}, element('th', { scope: 'row' }, name), element('td', {}, value)),
  );
  return element('table', {}, element('caption', {}, 'Time and bytes'), element('tbody', {}, ...cells));
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

function ms(value: number): string {
  return `${value.toFixed(value < 10 ? 2 : 0)} ms`;
}

export function bytes(count: number): string {
  if (count < 1_000) return `${count} B`;
  return count < 1_000_000 ? `${(count / 1e3).toFixed(1)} kB` : `${(count / 1e6).toFixed(2)} MB`;
}
