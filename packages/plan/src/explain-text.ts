import type { Breakdown } from './costs.js';
import type { Explanation, Rival } from './explain.js';
import type { PlanChoice, PlanProblem } from './problem.js';

/** An explanation as lines of plain text, numbers aligned. */
export function explainText(problem: PlanProblem, explanation: Explanation): string {
  const { plan, breakdown, singles, rivals, bindingLimits } = explanation;
  const lines = [`Chosen: ${described(problem, plan)}`, ...breakdownLines(breakdown)];
  for (const single of singles) {
    if ('infeasible' in single) {
      lines.push('', `${single.device} alone: not possible, ${single.infeasible}`);
      continue;
    }
    const exceeds = single.exceeds === undefined ? '' : ` (${single.exceeds})`;
    lines.push(
      '',
      `${single.device} alone${exceeds}: ${described(problem, single.plan)}`,
      ...breakdownLines(single.breakdown),
    );
  }
  const longest = breakdown.stages[explanation.longest];
  const slowest = breakdown.stages[explanation.slowest];
  lines.push('', 'What binds');
  if (longest !== undefined)
    lines.push(`  latency: most of it in ${longest.kind} ${longest.where}, ${number(longest.latencyMs)} ms`);
  if (slowest !== undefined) {
    lines.push(`  throughput: ${slowest.kind} ${slowest.where}, busy ${number(slowest.occupiedMs)} ms per request`);
  }
  for (const { limit, value, bound } of bindingLimits) lines.push(`  ${limit} ${number(bound)}: at ${number(value)}`);
  if (rivals.length > 0) lines.push('', 'What would have to change for another plan to win');
  for (const rival of rivals) lines.push(...rivalLines(problem, rival));
  return `${lines.join('\n')}\n`;
}

/** `pi, cuts 0 to 17 | f16 | server, cuts 17 to 63`. */
function described(problem: PlanProblem, { devices, cuts, codecs }: PlanChoice): string {
  const parts = devices.flatMap((device, i) => {
    const [from, to] = [i === 0 ? 0 : (cuts[i - 1] ?? 0), cuts[i] ?? problem.cuts - 1];
    const id = problem.devices[device]?.id ?? '';
    const stage = from === to ? `${id}, input only` : `${id}, cuts ${from} to ${to}`;
    return i < codecs.length ? [stage, codecs[i] ?? ''] : [stage];
  });
  return parts.join(' | ');
}

function breakdownLines({ stages, costs, requestsInFlight }: Breakdown): string[] {
  const rows = stages
    .filter(({ latencyMs, occupiedMs }) => latencyMs > 0 || occupiedMs > 0)
    .map(({ kind, where, what, latencyMs, waitMs, occupiedMs, bytes }) => [
      kind,
      where,
      what,
      number(latencyMs),
      `${number((100 * latencyMs) / costs.latencyMs)} %`,
      number(occupiedMs),
      bytes > 0 ? `${Math.round(bytes)} bytes` : waitMs > 0 ? `${number(waitMs)} ms waiting` : '',
    ]);
  const total = ['total', '', '', number(costs.latencyMs), '100 %', '', ''];
  return [
    ...aligned([['stage', 'where', 'what', 'ms', 'share', 'busy ms', ''], ...rows, total]),
    `  ${number(costs.throughputHz)} requests per second with ${requestsInFlight} under way`,
  ];
}

function rivalLines(problem: PlanProblem, { plan, betterIn, ties }: Rival): string[] {
  const better = betterIn.length === 0 ? '' : ` (better in ${betterIn.join(' and ')} already)`;
  const rows = ties.map(({ objective, change, now, tie, unit }) => [
    objective,
    change.kind.replace('-', ' '),
    change.id,
    `now ${number(now)}`,
    tie === null ? 'never' : `ties at ${number(tie)} ${unit}`,
  ]);
  return [`  ${described(problem, plan)}${better}`, ...aligned(rows, []).map((line) => `  ${line}`)];
}

/** Columns padded to the widest cell; those of `right` to the left. */
function aligned(rows: readonly (readonly string[])[], right: readonly number[] = [3, 4, 5]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => {
    const cells = row.map((cell, i) =>
      right.includes(i) ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0),
    );
    return `  ${cells.join('  ')}`.trimEnd();
  });
}

/** Three digits that matter. */
function number(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return String(value);
  if (Math.abs(value) >= 1000) return String(Math.round(value));
  return String(Number(value.toPrecision(3)));
}
