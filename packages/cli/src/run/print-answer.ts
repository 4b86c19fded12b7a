import { describeType, elementCount, type NamedTensors } from '@cutpoint/core';
import type { SplitResult, SplitTiming } from '@cutpoint/edge-agent';
import { writeTensors } from '../npy/tensor-files.js';
import { printResult } from '../output/result.js';
import { alignRight, fields, table } from '../output/table.js';
import { msColumn } from '../output/units.js';
import { firstValues, tensorsToJson } from './json-values.js';

interface PrintOptions {
  readonly json?: true;
  /** A .npz file for all outputs. */
  readonly out?: string;
}

/** A line of the report: what, and how it is. */
export type Fact = readonly [name: string, value: string];

/**
 * Prints what one inference gave: outputs and timing, and for people `facts` between them. With `out` all outputs go to
 * a .npz file, too.
 * @throws CutpointError what `writeTensors` throws.
 */
export async function printAnswer(
  { outputs, timing }: SplitResult,
  { json, out }: PrintOptions,
  facts: readonly Fact[] = [],
): Promise<void> {
  if (out !== undefined) await writeTensors(out, outputs);
  const value = { outputs: tensorsToJson(outputs), timing };
  await printResult(
    json === true,
    value,
    () => `${outputTable(outputs)}\n${fields([...facts, ...timingFacts(timing)])}`,
  );
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

function hopParts(stage: number, totalMs: number, link: SplitTiming['links'][number] | undefined) {
  const onLink = link === undefined ? 0 : link.codecMs + link.sendMs;
  return [[`  link ${stage}`, onLink] as const, [`  segment ${stage}`, totalMs] as const];
}

/** Where the time went; what did not take place has no line. */
function timingFacts(timing: SplitTiming): readonly Fact[] {
  const parts = [
    ['front segment', timing.frontMs],
    ['encode', timing.encodeMs],
    ['send', timing.sendMs],
    ['remote', timing.remoteMs],
    ['decode', timing.decodeMs],
    ['total', timing.totalMs],
  ] as const;
  // Of a chain the stages and links behind the first, too: `remote` is all of them.
  const { stages, links } = timing;
  const hops =
    stages.length <= 2 ? [] : stages.slice(1).flatMap(({ totalMs }, i) => hopParts(i + 1, totalMs, links[i]));
  const spent = [...parts.slice(0, -1), ...hops, ...parts.slice(-1)].filter(([, ms]) => ms > 0);
  const times = alignRight(msColumn(spent.map(([, ms]) => ms)));
  return spent.map(([name], row) => [name, times[row] ?? '']);
}
