import { CutpointError } from '@cutpoint/core';
import type { HalfLayer, OpenHalf } from './half-layer.js';

/** What memory a half layer takes. */
export interface HalfBytes {
  readonly name: string;
  /** In its file, and in the buffer that it is read into. */
  readonly fileBytes: number;
  /** Once it is open. */
  readonly openBytes: number;
}

/** Of the larger of its two files, if it is read from another one where it does not stay. */
export function halfBytes({ name, span, openBytes, passing }: HalfLayer<OpenHalf>): HalfBytes {
  return { name, fileBytes: Math.max(span.bytes, passing?.span.bytes ?? 0), openBytes };
}

/** Which half layers stay, and what the window takes at most. */
export interface WindowPlan {
  /** Half layers that are read while another is opened and run: buffers, that is. 0 if all stay. */
  readonly depth: number;
  /** For each half layer whether it stays for good. */
  readonly stays: readonly boolean[];
  /** Memory of half layers that are open, being opened, or read, at the most. */
  readonly peakBytes: number;
  /** Read for every token. */
  readonly streamedBytes: number;
}

/** Bounds of a half layer in a file need not be those that a disk reads at. */
const alignmentBytes = 8192;

/** Memory of the buffer that any of these half layers can be read into. */
export function bufferBytes(halves: readonly HalfBytes[]): number {
  return alignmentBytes + Math.ceil(Math.max(0, ...halves.map(({ fileBytes }) => fileBytes)) / 4096) * 4096;
}

/**
 * Divides the half layers of a rank into those that stay and those that are read for every token, evenly: what is
 * streamed in any run of half layers is in proportion to their bytes, to one half layer, so that reading goes on at one rate.
 * Memory is counted at its fullest: all that stays, `depth` buffers, and one half layer that is being opened, of which onnxruntime has
 * a copy of its own until it is open.
 * @throws CutpointError CUT_WINDOW if so deep a window does not fit the budget.
 */
export function planWindow(halves: readonly HalfBytes[], budgetBytes: number, depth: number): WindowPlan {
  const openBytes = sum(halves.map((half) => half.openBytes));
  const buffer = bufferBytes(halves);
  const copy = Math.max(0, ...halves.map(({ fileBytes }) => fileBytes));
  // All stay: the only buffer goes when the last is open.
  if (openBytes + buffer + copy <= budgetBytes) {
    return { depth: 0, stays: halves.map(() => true), peakBytes: openBytes + buffer + copy, streamedBytes: 0 };
  }
  const largest = Math.max(0, ...halves.map((half) => half.openBytes));
  const passing = depth * buffer + copy + largest;
  if (passing > budgetBytes) throw tooSmall(halves, budgetBytes, passing);
  const stays = spread(halves, budgetBytes - passing);
  const resident = sum(halves.map((half, i) => (stays[i] ? half.openBytes : 0)));
  return {
    depth,
    stays,
    peakBytes: resident + passing,
    streamedBytes: sum(halves.map(({ fileBytes }, i) => (stays[i] ? 0 : fileBytes))),
  };
}

/**
 * Marks half layers of at most so many bytes: of each run from the first on no more than its proportion, and then, from the first,
 * whatever still fits.
 */
function spread(halves: readonly HalfBytes[], roomBytes: number): boolean[] {
  const share = roomBytes / sum(halves.map(({ openBytes }) => openBytes));
  let passed = 0;
  let kept = 0;
  const stays = halves.map(({ openBytes }) => {
    passed += openBytes;
    const fits = kept + openBytes <= share * passed;
    if (fits) kept += openBytes;
    return fits;
  });
  halves.forEach(({ openBytes }, i) => {
    if (stays[i] || kept + openBytes > roomBytes) return;
    stays[i] = true;
    kept += openBytes;
  });
  return stays;
}

function tooSmall(halves: readonly HalfBytes[], budgetBytes: number, neededBytes: number): CutpointError {
  const largest = halves.reduce((most, half) => (half.openBytes > most.openBytes ? half : most));
  const mb = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
  return new CutpointError(
    'CUT_WINDOW',
    `A window of ${mb(budgetBytes)} is too small: to open one half layer (the largest, ${largest.name}, has ` +
      `${mb(largest.openBytes)}) while the next is read takes ${mb(neededBytes)} (${neededBytes} bytes). Give it as much, or use more ranks.`,
  );
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
