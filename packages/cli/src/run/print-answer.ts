import { describeType, elementCount, type NamedTensors } from '@cutpoint/core';
import type { SplitResult, SplitTiming } from '@cutpoint/edge-agent';
import { writeTensors } from '../npy/tensor-files.js';
import { printResult } from '../output/result.js';
import { fields, table } from '../output/table.js';
import { formatMs } from '../output/units.js';
import { firstValues, tensorsToJson } from './json-values.js';

/**
 * Prints what one inference gave: outputs and timing. With `out` all outputs go to a .npz file, too.
 * @throws CutpointError what `writeTensors` throws.
 */
export async function printAnswer(
  { outputs, timing }: SplitResult,
  { json, out }: { readonly json?: true; readonly out?: string },
): Promise<void> {
  if (out !== undefined) await writeTensors(out, outputs);
  const value = { outputs: tensorsToJson(outputs), timing };
  await printResult(json === true, value, () => `${outputTable(outputs)}\n${timingTable(timing)}`);
}

const shownValues = 6;

function outputTable(outputs: NamedTensors): string {
  const rows = [...outputs].map(([name, tensor]) => {
    const values = firstValues(tensor, shownValues).map((value) =>
      typeof value === 'number' ? shorten(value) : value,
    );
    const rest = elementCount(tensor.shape) > shownValues ? ', ...' : '';
    return [name, describeType(tensor.dtype, tensor.shape), values.join(', ') + rest];
  });
  return table([{ name: 'output' }, { name: 'type' }, { name: 'values' }], rows);
}

function shorten(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toPrecision(5);
}

function timingTable(timing: SplitTiming): string {
  return fields([
    ['front segment', formatMs(timing.frontMs)],
    ['encode', formatMs(timing.encodeMs)],
    ['send', formatMs(timing.sendMs)],
    ['remote', formatMs(timing.remoteMs)],
    ['decode', formatMs(timing.decodeMs)],
    ['total', formatMs(timing.totalMs)],
  ]);
}
