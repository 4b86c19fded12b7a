import type { Evaluation } from '@cutpoint/evaluate';
import { fields } from '../output/table.js';
import { formatBytes, formatMs } from '../output/units.js';

/** An evaluation as a person reads it. */
export function evaluationText(evaluation: Evaluation): string {
  const { model, cut, codec, n, broken, top1Whole, top1Split, bytesPerSample, encodeMs, decodeMs } = evaluation;
  const pairs: [string, string][] = [
    ['model', model],
    ['cut', `${cut.index} (after ${cut.name})`],
    ['codec', `${codec}: encoding ${formatMs(encodeMs)}, decoding ${formatMs(decodeMs)}`],
    ['samples', broken === 0 ? String(n) : `${n}, and ${broken} broken ones left out`],
    ['bytes', `${formatBytes(Math.round(bytesPerSample))} per sample`],
  ];
  if (top1Whole !== null && top1Split !== null) {
    pairs.push(['top-1 whole', percent(top1Whole)], ['top-1 split', percent(top1Split)]);
    pairs.push(['drop', `${points(evaluation.top1Drop ?? 0)} points${within(evaluation.top1DropStderr)}`]);
  }
  pairs.push(
    ['agreement', `${percent(evaluation.agreement)}${within(evaluation.agreementStderr)}`],
    ['divergence', `${evaluation.klDivergence.toPrecision(3)} nats`],
  );
  return fields(pairs);
}

/** `97.3 %` */
export function percent(share: number): string {
  return `${points(share)} %`;
}

/** A share in percentage points: `-0.25`. */
export function points(share: number): string {
  return (share * 100).toFixed(2);
}

/** ` ± 0.43` */
export function within(stderr: number | null): string {
  return stderr === null ? '' : ` ± ${points(stderr)}`;
}
