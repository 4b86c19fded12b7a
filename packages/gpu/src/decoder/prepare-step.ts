import type { Gpu } from '../device/gpu.js';
import type { Dispatch } from '../device/kernel.js';
import type { DecoderParts } from './decoder-parts.js';
import { type Draw, packDraws } from './draw.js';
import type { GpuHead } from './gpu-head.js';
import type { StepRow } from './step-row.js';

/** Writes what a step reads. @param places of the rows. @returns what it runs, in order. */
export function prepareStep(
  parts: DecoderParts,
  rows: readonly StepRow[],
  places: Uint32Array,
  wanted: readonly number[],
): readonly Dispatch[] {
  const { gpu, buffers, frequencies, head } = parts;
  gpu.write(buffers.step, Uint32Array.of(rows.length));
  gpu.write(buffers.places, places);
  gpu.write(buffers.turns, turnsAt(frequencies, places));
  const layers = parts.layers.flatMap((layer) => layer(rows.length));
  const through = [...begin(parts, rows), ...layers];
  if (wanted.length === 0 || head === undefined) return through;
  gpu.write(head.step, Uint32Array.of(wanted.length));
  gpu.write(head.which, Uint32Array.from(wanted));
  const draws = wanted.map((row) => rows[row]?.draw);
  const drawn = writeDraws(gpu, head, draws);
  return [...through, ...head.dispatches(wanted.length, drawn)];
}

/** Hidden states that are on the GPU are copied to where a step begins. @throws CutpointError CUT_GPU_LOST, CUT_INTERNAL. */
export async function bringStates({ gpu, config, buffers }: DecoderParts, rows: readonly StepRow[]): Promise<void> {
  const bytes = 4 * config.hiddenSize;
  const copies = rows.flatMap(({ input }, at) =>
    typeof input === 'object' && 'states' in input
      ? [{ buffer: input.states, from: input.row * bytes, to: at * bytes, bytes }]
      : [],
  );
  if (copies.length > 0) await gpu.copy(copies, buffers.hidden);
}

/** Tokens are embedded; hidden states go where their embedding would. */
function begin({ gpu, config, buffers, embed }: DecoderParts, rows: readonly StepRow[]): readonly Dispatch[] {
  const { tokens, hidden } = buffers;
  const inputs = rows.map(({ input }) => input);
  if (embed !== undefined) {
    gpu.write(tokens, Uint32Array.from(inputs.filter((input) => typeof input === 'number')));
    return [{ bound: embed, groups: [1, rows.length, 1] }];
  }
  for (const [row, input] of inputs.entries()) {
    if (input instanceof Float32Array) gpu.write(hidden, input, 4 * row * config.hiddenSize);
  }
  return [];
}

/** @returns whether any row is drawn. */
function writeDraws(gpu: Gpu, head: GpuHead, draws: readonly (Draw | undefined)[]): boolean {
  if (draws.every((draw) => draw === undefined)) return false;
  const packed = packDraws(draws);
  gpu.write(head.draws, packed.draws);
  if (packed.histories.length > 0) gpu.write(head.histories, packed.histories);
  return true;
}

/** Cosine and sine of each pair of each row, of all ropes; computed in float64, as angles far into a text need it. */
function turnsAt(frequencies: readonly Float64Array[], places: Uint32Array): Float32Array {
  const turns: number[] = [];
  for (const own of frequencies) {
    for (let row = 0; row < places.length / 2; row++) {
      for (const frequency of own) {
        const angle = (places[2 * row] ?? 0) * frequency;
        turns.push(Math.cos(angle), Math.sin(angle));
      }
    }
  }
  return Float32Array.from(turns);
}
