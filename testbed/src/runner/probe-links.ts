import type { PlanChoice, ProbedLink, Scenario } from '@cutpoint/plan';
import { probeLink } from '@cutpoint/profile';
import type { Deployment } from './deployment.js';
import type { Wiring } from './wiring.js';

/** Enough for round trips of half a second in the scenario's own time; a fast link takes a tenth of it. */
const scenarioBudgetMs = 30_000;

/** Probes every way between two devices through the transport that requests will take, one after the other. */
export async function probeLinks(
  { devices }: Scenario,
  { deployment, wiring }: { deployment: Deployment; wiring: Wiring },
  { dilation, signal, onProgress }: { dilation: number; signal: AbortSignal; onProgress: (what: string) => void },
): Promise<ProbedLink[]> {
  const probed: ProbedLink[] = [];
  const budgetMs = scenarioBudgetMs * dilation;
  for (const [a, { id: from }] of devices.entries()) {
    for (const [b, { id: to }] of devices.entries()) {
      if (a >= b || !wiring.reaches(a, b)) continue;
      onProgress(`probing the link from ${from} to ${to}`);
      const url = await deployment.linkTo(a, b);
      probed.push({ from, to, profile: await probeLink({ url, signal, budgetMs }) });
    }
  }
  return probed;
}

/** True if every device of a plan reaches the next. */
export function canRun({ devices }: PlanChoice, wiring: Wiring): boolean {
  return devices.every((device, i) => {
    const next = devices[i + 1];
    return next === undefined || wiring.reaches(device, next);
  });
}
