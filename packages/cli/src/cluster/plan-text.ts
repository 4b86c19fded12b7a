import {
  type ClusterExplanation,
  type ClusterFront,
  type ClusterPlan,
  type ClusterProblem,
  clusterPlanName,
} from '@cutpoint/plan';
import { fields, table } from '../output/table.js';
import { byteColumn, msColumn } from '../output/units.js';

export interface ClusterPlanReport {
  readonly problem: ClusterProblem;
  readonly front: ClusterFront;
  readonly pick: ClusterPlan;
  readonly explanation: ClusterExplanation | undefined;
}

/** A plan with names of devices instead of their places, and its rate. */
export function namedPlan(problem: ClusterProblem, plan: ClusterPlan) {
  const stages = plan.stages.map(({ ranks, ...stage }) => ({
    ...stage,
    ranks: ranks.map((rank) => ({ ...rank, device: problem.devices[rank.device]?.id ?? String(rank.device) })),
  }));
  return { ...plan, name: clusterPlanName(problem, plan), tokensPerSecond: 1000 / plan.msPerToken, stages };
}

/** Lines of a front that are of use on a screen. */
const mostShown = 12;

/** The front with the pick marked, the best of each kind and every device alone, then why the pick is picked. */
export function clusterPlanText({ problem, front, pick, explanation }: ClusterPlanReport): string {
  const shown = front.points.slice(0, mostShown);
  const alone = front.alone.flatMap(({ plan }) => plan ?? []);
  const compared = [...new Set([...front.bestOfKind, ...alone])].filter((plan) => !shown.includes(plan));
  const plans = [...shown, ...compared];
  const token = msColumn(plans.map(({ msPerToken }) => msPerToken));
  const first = msColumn(plans.map(({ ttftMs }) => ttftMs));
  const memory = byteColumn(plans.map(({ peakBytes }) => Math.round(peakBytes)));
  const rows = plans.map((plan, i) => [
    plan === pick ? '>' : shown.includes(plan) ? '' : '-',
    clusterPlanName(problem, plan),
    (1000 / plan.msPerToken).toFixed(2),
    token[i] ?? '',
    first[i] ?? '',
    memory[i] ?? '',
  ]);
  const right = ['tokens/s', 'token', 'first token', 'largest memory'];
  const columns = [{ name: '' }, { name: 'plan' }, ...right.map((name) => ({ name, align: 'right' as const }))];
  const more = front.points.length - shown.length;
  const rest = more > 0 ? `, ${more} more with --json` : '';
  const cut = front.isExact ? 'exact' : 'the search was cut: there may be better plans';
  const impossible = front.alone.flatMap(({ device, why }) =>
    why === undefined ? [] : [[`${device} alone`, why] as const],
  );
  return [
    table(columns, rows),
    `> the pick   - not on the front   front of ${front.points.length}, ${cut}${rest}\n`,
    fields(impossible),
    ...(explanation === undefined ? [] : ['\n', ...explanation.sentences.map((line) => `${line}\n`)]),
  ].join('');
}
