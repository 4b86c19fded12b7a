import type { RankReport } from '@cutpoint/cluster';
import type { StreamedText } from '../llm/stream-text.js';
import { table } from '../output/table.js';
import { byteColumn, formatBytes, formatMs, msColumn } from '../output/units.js';

/** What `cluster generate` says with `--json`. */
export interface ClusterSummary extends Omit<StreamedText, 'perToken' | 'linkBytesPerToken' | 'sentBytesPerToken'> {
  /** Of rank 0, for a token behind the first. */
  readonly perToken: {
    readonly computeMs: number;
    /** All-reduces, and what else the ranks tell one another. */
    readonly syncMs: number;
    /** Of those, standing still for slower ranks. */
    readonly waitMs: number;
    readonly bytes: number;
  } | null;
  /** Rank 0 first; of those that were together at the end. Times and bytes are of the whole text. */
  readonly ranks: readonly RankReport[];
  /** With `--explain`: why the ranks add up as they do, a line for each size of sum. */
  readonly explanation?: readonly string[];
}

/** Below the text: how fast it came, and a table of the ranks. */
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
    const { computeMs, syncMs, waitMs, bytes } = perToken;
    const sync = `${formatMs(syncMs)} with other ranks (${formatMs(waitMs)} of it waiting)`;
    lines.push(`per token: ${formatMs(computeMs)} compute, ${sync}, ${formatBytes(Math.round(bytes))}`);
  }
  return `${lines.join('\n')}\n${ranks.length === 0 ? '' : rankTable(ranks)}`;
}

function rankTable(ranks: readonly RankReport[]): string {
  const weights = byteColumn(ranks.map(({ weightsBytes }) => weightsBytes));
  const peaks = byteColumn(ranks.map(({ peakRssBytes }) => peakRssBytes ?? 0));
  const compute = msColumn(ranks.map(({ computeMs }) => computeMs));
  const wait = msColumn(ranks.map(({ waitMs }) => waitMs));
  const slowestMs = Math.max(...ranks.map(({ computeMs }) => computeMs));
  const rows = ranks.map(({ rank, peakRssBytes, computeMs }, i) => [
    String(i),
    rank,
    weights[i] ?? '',
    peakRssBytes === null ? 'unknown' : (peaks[i] ?? ''),
    compute[i] ?? '',
    wait[i] ?? '',
    ranks.length > 1 && computeMs === slowestMs ? 'the slowest' : '',
  ]);
  const right = ['weights', 'peak memory', 'compute', 'waiting'].map((name) => ({ name, align: 'right' as const }));
  const windows = ranks.flatMap(({ window }, i) => (window === null ? [] : [windowText(i, window)]));
  return [table([{ name: 'rank' }, { name: 'address' }, ...right, { name: '' }], rows), ...windows].join('');
}

function windowText(
  rank: number,
  { streamedBytes, readMs, openMs, waitMs }: NonNullable<RankReport['window']>,
): string {
  const loading = `${formatMs(readMs)} reading, ${formatMs(openMs)} opening, ${formatMs(waitMs)} waiting for the disk`;
  return `window of rank ${rank}: reads ${formatBytes(streamedBytes)} for a token: ${loading}\n`;
}
