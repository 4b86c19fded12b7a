import { setTimeout as sleep } from 'node:timers/promises';
import { asCutpointError, CutpointError, isErrorCode } from '@cutpoint/core';
import { type FleetPlans, type PlanJobView, type PlanRequest, planJobView } from '@cutpoint/server/client';
import { openProgress } from '../output/progress.js';
import type { ServerApi } from './server-api.js';

const lookEveryMs = 500;
const startMs = 30_000;

/**
 * Has the server of a fleet make a plan out of what its devices measure, and waits for it. Where nobody waits any more,
 * the devices are told so.
 * @throws CutpointError why there is none, under the code that the server gave; CUT_CANCELLED; as `ServerApi.ask`.
 */
export async function askPlan(api: ServerApi, request: PlanRequest, signal: AbortSignal): Promise<FleetPlans> {
  using progress = openProgress();
  progress.show('asking the fleet to measure itself');
  let job = await api.ask({ method: 'POST', path: '/v1/plans', json: request, answer: planJobView, waitMs: startMs });
  const path = `/v1/plans/${job.id}`;
  try {
    while (job.state === 'running') {
      await sleep(lookEveryMs, undefined, { signal });
      job = await api.ask({ method: 'GET', path, answer: planJobView });
      progress.show(progressText(job));
    }
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
    await api.afterwards.ask({ method: 'DELETE', path, answer: planJobView }).catch(() => undefined);
    throw asCutpointError(signal.reason, 'CUT_CANCELLED');
  }
  const { result, problem } = job;
  if (result !== undefined) return result;
  const { code, message } = problem ?? { code: 'CUT_CANCELLED', message: 'The plan was given up at the server.' };
  throw new CutpointError(isErrorCode(code) ? code : 'CUT_INTERNAL', message);
}

/** `pi-1 times segments, 3 of 20; gpu-box opens the model`. */
function progressText({ progress }: PlanJobView): string {
  return progress.map(({ device, what }) => `${device} ${what}`).join('; ') || 'planning';
}
