import type { Plan } from '@cutpoint/plan';
import { type DevicePlan, type FleetPlans, type NamedPlan, namedPlan } from '@cutpoint/server/client';
import { table } from '../output/table.js';
import { formatBitRate, formatMs } from '../output/units.js';
import { planName, planTable } from './plan-text.js';

/** So much of a front is of use on a screen. */
const mostShown = 8;
/** Below this, cutting is not worth its trouble. */
const noticeable = 0.95;

const shareNote =
  'Throughput, of the server alone too, is that of each place where requests begin, while all others send as many.\n';

/** Plans for the devices of a fleet, as a person reads them: what was measured, then a table for each device. */
export function fleetPlanText(plans: FleetPlans, { isExplained }: { isExplained: boolean }): string {
  const { measured } = plans;
  const links = measured.links.map(({ from, to, rttMs, upBytesPerS, downBytesPerS }) => [
    `${from} to ${to}`,
    formatMs(rttMs),
    formatBitRate(upBytesPerS),
    formatBitRate(downBytesPerS),
  ]);
  const devices = measured.devices.map(({ device, wholeMs }) => [device, formatMs(wholeMs)]);
  const right = 'right' as const;
  return [
    table([{ name: 'measured' }, { name: 'whole model', align: right }], devices),
    '\n',
    links.length === 0
      ? ''
      : `${table([{ name: 'link' }, { name: 'there and back', align: right }, { name: 'there', align: right }, { name: 'back', align: right }], links)}\n`,
    ...plans.plans.map((plan) => `${deviceText(plan)}${isExplained ? `\n${plan.explanation}` : ''}\n`),
    plans.plans.length < 2 ? '' : shareNote,
  ].join('');
}

function deviceText({ from, pick, front, baselines }: DevicePlan): string {
  const shown = front.slice(0, mostShown);
  const listed = shown.some((plan) => isSame(plan, pick)) ? shown : [pick, ...shown.slice(0, mostShown - 1)];
  const alone = baselines.flatMap((baseline) => {
    const plan = planOf(baseline);
    const isNew = plan !== undefined && !listed.some((other) => isSame(other, plan));
    return isNew ? [{ plan, over: baseline.infeasible !== undefined }] : [];
  });
  const marks = [...listed.map((plan) => (isSame(plan, pick) ? '>' : '')), ...alone.map(() => '-')];
  const names = [
    ...listed.map((plan) => nameOf(plan)),
    ...alone.map(({ plan, over }) => `${nameOf(plan)}${over ? ', over a limit' : ''}`),
  ];
  const rows = [...listed, ...alone.map(({ plan }) => plan)].map(indexed);
  const impossible = baselines.flatMap((baseline) =>
    planOf(baseline) !== undefined ? [] : [`${baseline.device} alone: not possible, ${baseline.infeasible}\n`],
  );
  const more = front.length > listed.length ? `, ${front.length - listed.length} more with --json` : '';
  return [
    `Requests that begin at ${from}\n`,
    planTable(marks, names, rows),
    `> the pick   - one device, without a cut${more}\n`,
    ...impossible,
    `${verdict(pick, baselines)}\n`,
  ].join('');
}

/** Whether cutting is worth it, against the best single device. */
function verdict(pick: NamedPlan, baselines: DevicePlan['baselines']): string {
  const single = baselines.flatMap((baseline) => {
    const plan = baseline.infeasible === undefined ? planOf(baseline) : undefined;
    return plan === undefined ? [] : [plan];
  });
  const fastest = single.sort((a, b) => a.latencyMs - b.latencyMs)[0];
  const name = nameOf(pick);
  if (fastest === undefined) return `${name}: no device can do it alone.`;
  if (isSame(pick, fastest)) return `${name}: cutting does not pay for latency.`;
  const share = pick.latencyMs / fastest.latencyMs;
  const hardly = share > noticeable ? '; that is hardly worth a cut' : '';
  return `${name}: ${share.toFixed(2)} times the latency of ${nameOf(fastest)}, the fastest single device${hardly}.`;
}

function nameOf(plan: NamedPlan): string {
  return planName({ devices: plan.devices.map((id) => ({ id })) }, indexed(plan));
}

/** With places instead of names, as the planner has it. */
function indexed(plan: NamedPlan): Plan {
  return { ...plan, devices: plan.devices.map((_, i) => i) };
}

/** Undefined where the device cannot do it alone. */
function planOf(baseline: DevicePlan['baselines'][number]): NamedPlan | undefined {
  return namedPlan.safeParse(baseline).data;
}

function isSame(a: NamedPlan, b: NamedPlan): boolean {
  return String([a.devices, a.cuts, a.codecs]) === String([b.devices, b.cuts, b.codecs]);
}
