import type { CutEvaluation, CutLeak, Perplexity } from '@cutpoint/llm';
import type { ProviderChoice } from '@cutpoint/runtime';
import { providerText } from '../output/provider-text.js';
import { fields, table } from '../output/table.js';

/** What `llm eval` says with `--json`. */
export type EvaluateSummary = ((Perplexity & { readonly provider?: ProviderChoice }) | CutEvaluation) & {
  readonly leak?: readonly CutLeak[];
};

/** What `llm eval` says to a person. */
export function evaluationText(summary: EvaluateSummary, context: number): string {
  const pairs: [string, string][] = [['perplexity', summary.perplexity.toFixed(3)]];
  if ('baseline' in summary) {
    const { perplexity, increasePercent } = summary.baseline;
    pairs.push(['without codec', `${perplexity.toFixed(3)}; the codec adds ${increasePercent.toFixed(2)} %`]);
  }
  pairs.push(['tokens', `${summary.tokens} scored, in windows of ${context}`]);
  if ('provider' in summary && summary.provider !== undefined && summary.provider.how !== 'asked') {
    pairs.push(['computed by', providerText(summary.provider)]);
  }
  if ('baseline' in summary) {
    const { cut, codec, answerCodec, bytesPerToken, timesSmaller, promptBytesPerToken, answerBytesPerToken } = summary;
    const smaller = `${timesSmaller.toFixed(1)} times less than f32`;
    pairs.push(
      ['cut', `${cut}, ${codec}`],
      [
        'bytes',
        `${bytesPerToken.toFixed(1)} for a token, ${smaller}; ${promptBytesPerToken.toFixed(1)} for one of a prompt`,
      ],
    );
    if (answerBytesPerToken !== null) pairs.push(['back', `${answerBytesPerToken.toFixed(1)} bytes, ${answerCodec}`]);
  }
  return fields(pairs) + (summary.leak === undefined ? '' : `\n${leakText(summary.leak)}`);
}

function leakText(leaks: readonly CutLeak[]): string {
  const right = 'right' as const;
  const rows = leaks.map(({ cut, cosine, centredCosine }) => [String(cut), percent(cosine), percent(centredCosine)]);
  const columns = [{ name: 'cut' }, { name: 'cosine', align: right }, { name: 'mean taken away', align: right }];
  const [first] = leaks;
  const of = first === undefined ? '' : `Of ${first.tokens} tokens, those that the nearest embedding tells:\n`;
  return of + table(columns, rows);
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
