import type { DeviceId } from '@cutpoint/control/client';
import type { Objective } from '@cutpoint/plan';
import type { FleetPlans, ModelFiles, PlanRequest } from '@cutpoint/server/client';
import type { Command } from 'commander';
import { askPlan } from '../fleet/ask-plan.js';
import { parseDevices } from '../fleet/device-options.js';
import type { ServerApi } from '../fleet/server-api.js';
import { type LimitOptions, limitsOf } from './limit-options.js';

/** What a person says about a plan for the devices of a fleet. */
export interface FleetPlanOptions extends LimitOptions {
  readonly from?: readonly DeviceId[];
  readonly via?: readonly DeviceId[];
  /** The first of them counts most. */
  readonly objective?: readonly Objective[];
}

/** Adds the options that say which devices of a fleet to plan for. */
export function addFleetPlanOptions(command: Command): Command {
  return command
    .option(
      '--from <devices>',
      'with a plan for the fleet: where requests begin, separated by commas (default: every agent)',
      parseDevices,
    )
    .option(
      '--via <devices>',
      'with a plan for the fleet: what may compute between there and the server (default: all other devices)',
      parseDevices,
    );
}

/**
 * Plans for the devices of a fleet: best in the objective given first, in latency unless one is given.
 * @throws CutpointError as `askPlan`.
 */
export async function planForFleet(
  api: ServerApi,
  { tables: _, ...model }: ModelFiles,
  options: FleetPlanOptions,
  signal: AbortSignal,
): Promise<FleetPlans> {
  const { from, via, objective } = options;
  const request: PlanRequest = {
    model,
    ...(from !== undefined && { from: [...from] }),
    ...(via !== undefined && { via: [...via] }),
    objectives: [...(objective ?? ['latency', 'throughput'])],
    pick: [...(objective ?? ['latency'])],
    limits: given(limitsOf(options, undefined)),
    codecs: ['raw', 'f16'],
  };
  return await askPlan(api, request, signal);
}

/** Without what is undefined, as it would be in JSON. */
function given(limits: ReturnType<typeof limitsOf>): PlanRequest['limits'] {
  return Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
}
