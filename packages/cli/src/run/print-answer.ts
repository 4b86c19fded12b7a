import { describeType, elementCount, type NamedTensors } from '@cutpoint/core';
import type { Route, SplitResult, SplitTiming } from '@cutpoint/daemon';
import type { ProviderChoice } from '@cutpoint/runtime';
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
  { outputs, timing, route, provider }: SplitResult & { readonly provider?: ProviderChoice | undefined },
  { json, out }: PrintOptions,
  facts: readonly Fact[] = [],
): Promise<void> {
  if (out !== undefined) await writeTensors(out, outputs);
  const value = {
    outputs: tensorsToJson(outputs),
    timing,
    ...(route === undefined ? {} : { route }),
    ...(provider && { provider }),
  };
  await printResult(
    json === true,
    value,
    () => `${outputTable(outputs)}\n${fields([...facts, ...routeFacts(route), ...timingFacts(timing)])}`,
  );
}

/** By which way the answer came; of a fallback also why. */
function routeFacts(route: Route | undefined): readonly Fact[] {
  if (route === undefined) return [];
  if (!route.fallback) return [['answered by', route.by]];
  const reasons = route.tried.flatMap(({ rung, outcome, code, message }, i) => {
    if (outcome === 'answered') return [];
    return [[i === 0 ? 'instead of' : '', `${rung}: ${code === undefined ? outcome : `${code}: ${message}`}`] as const];
  });
  return [['answered by', `${route.by} (fallback)`], ...reasons];
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

/** What the remote time of a chain is made of; of one server it is one segment. */
function remoteParts({ stages, links }: SplitTiming): (readonly [string, number])[] {
  if (stages.length <= 2) return [];
  return stages.slice(1).flatMap(({ totalMs }, i) => {
    const link = links[i + 1];
    const segment = [`  segment ${i + 1}`, totalMs] as const;
    return link === undefined ? [segment] : [segment, [`  link to ${i + 2}`, link.codecMs + link.sendMs] as const];
  });
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
  const spent = parts.flatMap((part) => (part[0] === 'remote' ? [part, ...remoteParts(timing)] : [part]));
  const shown = spent.filter(([, ms]) => ms > 0);
  const times = alignRight(msColumn(shown.map(([, ms]) => ms)));
  return shown.map(([name], row) => [name, times[row] ?? '']);
}
