import type { RankReport } from '@cutpoint/cluster';
import type { StreamedText } from '../llm/stream-text.js';
import { formatBytes, formatMs } from '../output/units.js';

/** What `cluster generate` says with `--json`. */
export interface ClusterSummary extends Omit<StreamedText, 'perToken' | 'linkBytesPerToken' | 'sentBytesPerToken'> {
  /** Of rank 0, for a token behind the first. */
  readonly perToken: { readonly computeMs: number; readonly syncMs: number; readonly bytes: number } | null;
  /** Rank 0 first; of those that were together at the end. Times and bytes are of the whole text. */
  readonly ranks: readonly RankReport[];
}

/** Below the text: how fast it came, and a line for each rank. */
export function clusterText({
  tokens,
  promptTokens,
  ttftMs,
  decodeTokensPerSecond,
  perToken,
  ranks,
}: ClusterSummary): string {
  const first = ttftMs === null ? 'no token' : `first token after ${formatMs(ttftMs)}`;
  const rest = decodeTokensPerSecond === null ? '' : `, then ${decodeTokensPerSecond.toFixed(1)} tokens/s`;
  const lines = [`${promptTokens.length} tokens of prompt, ${tokens.length} more: ${first}${rest}`];
  if (perToken !== null) {
    const { computeMs, syncMs, bytes } = perToken;
    lines.push(
      `per token: ${formatMs(computeMs)} compute, ${formatMs(syncMs)} with other ranks, ${formatBytes(Math.round(bytes))}`,
    );
  }
  const slowest = ranks.reduce((most, { computeMs }) => Math.max(most, computeMs), 0);
  for (const [i, rank] of ranks.entries()) {
    const note = ranks.length > 1 && rank.computeMs === slowest ? ', the slowest' : '';
    const times = `${formatMs(rank.computeMs)} compute, ${formatMs(rank.waitMs)} waiting${note}`;
    lines.push(`rank ${i} (${rank.rank}): ${formatBytes(rank.weightsBytes)} of weights, ${times}`);
    if (rank.window !== null) lines.push(windowText(rank.window));
  }
  return `${lines.join('\n')}\n`;
}

function windowText({ streamedBytes, readMs, openMs, waitMs }: NonNullable<RankReport['window']>): string {
  const loading = `${formatMs(readMs)} reading, ${formatMs(openMs)} opening, ${formatMs(waitMs)} waiting for the disk`;
  return `  its window reads ${formatBytes(streamedBytes)} for a token: ${loading}`;
}
