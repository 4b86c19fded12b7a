import { isImageSpec, tableNamed } from '@cutpoint/codec';
import type { Baseline, Front, Plan, PlanProblem } from '@cutpoint/plan';
import { fields, table } from '../output/table.js';
import { byteColumn, formatMs, msColumn } from '../output/units.js';

/** A plan with ids of devices instead of their places in the chain. */
export function withNames(problem: PlanProblem, plan: Plan) {
  return { ...plan, devices: plan.devices.map((device) => problem.devices[device]?.id ?? String(device)) };
}

export interface PlanReport {
  readonly problem: PlanProblem;
  readonly front: Front;
  readonly baselines: readonly Baseline[];
  readonly picked: Plan;
  readonly solveMs: number;
  readonly model: string;
  /** A file that is not beside the model: cuts are numbered with it. */
  readonly preprocessing: string | undefined;
  /** Where the tables of codecs are, for plans that need them. */
  readonly codecTables: string | undefined;
}

/** The front and the single devices as a table, the picked plan marked, and what cutting brings in one sentence. */
export function planText(report: PlanReport): string {
  const { problem, front, baselines, picked, solveMs } = report;
  const plans = front.points.map(({ plans: [first] }) => first);
  const alone = baselines.flatMap((baseline) => {
    const known = baseline.plan !== undefined && !plans.some((plan) => sameChoice(plan, baseline.plan));
    return known && baseline.plan !== undefined ? [{ baseline, plan: baseline.plan }] : [];
  });
  const names = [
    ...plans.map((plan, i) => planName(problem, plan) + tieNote(front.points[i]?.plans.length ?? 1)),
    ...alone.map(
      ({ plan, baseline }) => `${planName(problem, plan)}${'infeasible' in baseline ? ', over a limit' : ''}`,
    ),
  ];
  const marks = [...plans.map((plan) => (plan === picked ? '>' : '')), ...alone.map(() => '-')];
  const all = [...plans, ...alone.map(({ plan }) => plan)];
  const impossible = baselines.flatMap((baseline) =>
    baseline.plan === undefined && 'infeasible' in baseline
      ? [[`${baseline.device} alone`, `not possible: ${baseline.infeasible}`] as const]
      : [],
  );
  return [
    planTable(marks, names, all),
    `> the pick   - not on the front   front of ${plans.length}, ${front.exact ? 'exact' : 'within epsilon'}, in ${formatMs(solveMs)}\n`,
    fields(impossible),
    `${verdict(problem, picked, baselines)}\n`,
    howToRun(report),
  ].join('');
}

/** Plans with their costs, one a line. */
export function planTable(marks: readonly string[], names: readonly string[], plans: readonly Plan[]): string {
  const latency = msColumn(plans.map((plan) => plan.latencyMs));
  const memory = byteColumn(plans.map((plan) => Math.round(plan.peakMemoryBytes)));
  const bytes = byteColumn(plans.map((plan) => plan.wireBytes));
  const rows = plans.map((plan, i) => [
    marks[i] ?? '',
    names[i] ?? '',
    latency[i] ?? '',
    `${plan.throughputHz.toFixed(plan.throughputHz < 10 ? 2 : 1)}/s`,
    `${plan.edgeEnergyJ.toFixed(3)} J`,
    memory[i] ?? '',
    bytes[i] ?? '',
    `${(100 * plan.accuracyLoss).toFixed(1)} %`,
  ]);
  const columns = ['latency', 'throughput', 'edge energy', 'edge memory', 'on the wire', 'loss'];
  return table([{ name: '' }, { name: 'plan' }, ...columns.map((name) => ({ name, align: 'right' as const }))], rows);
}

/** `pi-1 | 47 f16 | gpu-box`: what crosses cut 47 goes from the one to the other as f16. */
export function planName(
  problem: { readonly devices: readonly { readonly id: string }[] },
  { devices, cuts, codecs }: Plan,
): string {
  const id = (device: number) => problem.devices[device]?.id ?? String(device);
  const [only, second] = devices;
  if (devices.length === 1 && only !== undefined) return `${id(only)} alone`;
  if (devices.length === 2 && cuts[0] === 0 && second !== undefined)
    return `${id(second)} alone (input as ${codecs[0]})`;
  return devices
    .map((device, i) => (i === 0 ? id(device) : `${cuts[i - 1]} ${codecs[i - 1]} | ${id(device)}`))
    .join(' | ');
}

function tieNote(equals: number): string {
  return equals === 1 ? '' : ` (and ${equals - 1} equal)`;
}

function sameChoice(a: Plan, b: Plan | undefined): boolean {
  return String([a.devices, a.cuts, a.codecs]) === String([b?.devices, b?.cuts, b?.codecs]);
}

/** The commands that run the pick, one for each daemon. */
function howToRun({ problem, picked, model: file, preprocessing, codecTables }: PlanReport): string {
  if (picked.codecs.some(isImageSpec)) {
    return '\nDaemons code no pictures yet: this plan is there to compare with. --codecs without image codecs gives one to run.';
  }
  const pixels = preprocessing === undefined ? '' : ` --preprocessing ${preprocessing}`;
  const named = picked.codecs.some((spec) => tableNamed(spec) !== undefined);
  const tables = codecTables === undefined || !named ? '' : ` --codec-tables ${codecTables}`;
  const model = `${file}${pixels}${tables}`;
  const [, ...behind] = picked.devices.map((device) => problem.devices[device]?.id ?? String(device));
  if (behind.length === 0) return '';
  const next = (i: number) => (i < behind.length - 1 ? ` --next URL-OF-${behind[i + 1]}` : '');
  const lines = behind.map((id, i) => [`on ${id}`, `cutpoint serve ${model}${next(i)}`] as const);
  const cuts = `--at ${picked.cuts} --codec ${picked.codecs}`;
  const agent = `cutpoint agent ${model} ${cuts} --server URL-OF-${behind[0]}`;
  const commands = fields([...lines.reverse(), [`on ${problem.devices[picked.devices[0] ?? 0]?.id}`, agent]]);
  return `\nTo run it (a server listens on its own machine alone until --listen, with TLS and a token, says otherwise):\n${commands}`;
}

/** From here on a latency counts as worse. */
const noticeable = 1.05;

/** Whether cutting is worth it, against the best single device. */
function verdict(problem: PlanProblem, picked: Plan, baselines: readonly Baseline[]): string {
  const name = planName(problem, picked);
  const single = baselines.flatMap((baseline) => ('infeasible' in baseline ? [] : [baseline]));
  const fastest = [...single].sort((a, b) => a.plan.latencyMs - b.plan.latencyMs)[0];
  const busiest = [...single].sort((a, b) => b.plan.throughputHz - a.plan.throughputHz)[0];
  const computing = picked.cuts[0] === 0 ? picked.devices.length - 1 : picked.devices.length;
  if (computing === 1) return `${name}: with this pick, cutting does not pay.`;
  if (fastest === undefined || busiest === undefined) return `${name}: no device can do it alone.`;
  const latency = picked.latencyMs / fastest.plan.latencyMs;
  const slower =
    latency > noticeable
      ? ` If one request's latency counts most, take ${fastest.device} alone: --pick min-latency.`
      : '';
  const rate = picked.throughputHz / busiest.plan.throughputHz;
  return `${name}: ${latency.toFixed(2)} times the latency of ${fastest.device} alone and ${rate.toFixed(2)} times the throughput of ${busiest.device} alone, the best single devices.${slower}`;
}
