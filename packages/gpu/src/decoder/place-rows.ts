import { type DecoderParts, pagesPerRow, pageTokens } from './decoder-parts.js';
import type { PageCopy } from './sequences.js';
import type { StepRow } from './step-row.js';

/**
 * Gives each row its position: of each row that, and where the pages of its sequence begin.
 * @throws CutpointError CUT_GPU_MEMORY if the cache is full; CUT_GPU_LOST, CUT_INTERNAL.
 */
export async function placeRows(parts: DecoderParts, rows: readonly StepRow[]): Promise<Uint32Array> {
  const { gpu, config, buffers, sequences } = parts;
  const places = new Uint32Array(2 * rows.length);
  const copies: PageCopy[] = [];
  const tables = new Map<number, number>();
  try {
    for (const [row, { sequence }] of rows.entries()) {
      const table = tables.get(sequence) ?? tables.size * pagesPerRow(config);
      tables.set(sequence, table);
      places[2 * row] = sequences.tokensOf(sequence);
      places[2 * row + 1] = table;
      copies.push(...sequences.extend(sequence, 1));
    }
    // Before anything is waited for, as a sequence that is cancelled meanwhile loses its pages.
    for (const [sequence, table] of tables) {
      gpu.write(buffers.pages, Uint32Array.from(sequences.pagesOf(sequence)), 4 * table);
    }
  } finally {
    // Also where a later row finds no room: the sequence has its new page already.
    await copyPages(parts, copies);
  }
  return places;
}

async function copyPages({ gpu, config, caches }: DecoderParts, copies: readonly PageCopy[]): Promise<void> {
  if (copies.length === 0) return;
  const bytes = 4 * pageTokens * config.kvHeads * config.headSize;
  const spans = copies.map(({ from, to }) => ({ from: from * bytes, to: to * bytes, bytes }));
  for (const { keys, values } of caches) {
    await gpu.copyWithin(keys, spans);
    await gpu.copyWithin(values, spans);
  }
}
