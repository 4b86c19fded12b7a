import { deviceId } from '@cutpoint/control/client';
import { z } from 'zod';
import { modelFiles } from './deployment-request.js';

const objective = z.enum(['latency', 'throughput', 'energy', 'memory', 'bytes', 'accuracy']);
const bound = z.number().nonnegative().optional();

/** What shall be planned, for which devices. */
export const planRequest = z.strictObject({
  /** All its files have been sent to the server. */
  model: modelFiles.omit({ tables: true }),
  /** Where requests begin; each gets a plan of its own. Default: every agent that is there. */
  from: z
    .array(deviceId)
    .min(1)
    .max(64)
    .optional()
    .meta({ description: 'where requests begin (default: every agent that is there)' }),
  /** What may compute between there and the server. Default: all other devices. */
  via: z
    .array(deviceId)
    .max(16)
    .optional()
    .meta({ description: 'what may compute in between (default: all devices where no requests begin)' }),
  /** What counts: the front has all plans that are not beaten in these. */
  objectives: z.array(objective).min(1).max(6).default(['latency', 'throughput']),
  /** The pick is the best in the first of these, of those near it the best in the second, and so on. */
  pick: z.array(objective).min(1).max(6).default(['latency']),
  limits: z
    .strictObject({
      maxLatencyMs: bound,
      minThroughputHz: bound,
      maxEdgeEnergyJ: bound,
      maxPeakMemoryBytes: bound,
      maxWireBytes: bound,
      maxAccuracyLoss: bound,
    })
    .default({}),
  codecs: z
    .array(z.enum(['raw', 'f16']))
    .min(1)
    .default(['raw', 'f16']),
});
export type PlanRequest = z.output<typeof planRequest>;

const named = {
  devices: z.array(deviceId),
  cuts: z.array(z.int()),
  codecs: z.array(z.string()),
  latencyMs: z.number(),
  throughputHz: z.number(),
  edgeEnergyJ: z.number(),
  peakMemoryBytes: z.number(),
  wireBytes: z.number(),
  accuracyLoss: z.number(),
};
/** A plan with names of devices instead of their places in a chain. */
export const namedPlan = z.object(named);
export type NamedPlan = z.output<typeof namedPlan>;

/** The plan for requests that begin at one device, as `ladderOfPlan` reads it. */
export const devicePlan = z.object({
  from: deviceId,
  objectives: z.array(objective),
  pick: namedPlan,
  front: z.array(namedPlan),
  baselines: z
    .array(z.object({ device: deviceId, infeasible: z.string().optional(), ...z.object(named).partial().shape }))
    .meta({ description: 'each device alone: what any plan has to beat' }),
  solveMs: z.number(),
  exact: z.boolean(),
  explanation: z.string(),
});
export type DevicePlan = z.output<typeof devicePlan>;

/** What came of planning for the devices of a fleet. */
export const fleetPlans = z.object({
  model: z.object({ name: z.string(), hash: z.string() }),
  plans: z.array(devicePlan),
  measured: z.object({
    devices: z.array(z.object({ device: deviceId, wholeMs: z.number(), measuredAt: z.string(), driftPct: z.number() })),
    links: z.array(
      z.object({
        from: deviceId,
        to: deviceId,
        via: z.string(),
        rttMs: z.number(),
        upBytesPerS: z.number(),
        downBytesPerS: z.number(),
      }),
    ),
  }),
  notes: z.array(z.string()),
});
export type FleetPlans = z.output<typeof fleetPlans>;

/** A plan on its way. */
export const planJobView = z.object({
  id: z.string(),
  state: z.enum(['running', 'done', 'failed', 'cancelled']),
  progress: z.array(z.object({ device: deviceId, what: z.string() })).meta({ description: 'what devices do now' }),
  problem: z.object({ code: z.string(), message: z.string() }).optional(),
  result: fleetPlans.optional(),
});
export type PlanJobView = z.output<typeof planJobView>;

/** Plans on their way, as the admin API has them made. */
export interface PlansAsked {
  /** @throws CutpointError CUT_OVERLOADED while another is on its way; CUT_NOT_FOUND for files or devices that are not there. */
  start(request: PlanRequest, by: string): Promise<PlanJobView>;
  /** @throws CutpointError CUT_NOT_FOUND */
  look(id: string): PlanJobView;
  /** Ends it, if it has not ended. @throws CutpointError CUT_NOT_FOUND */
  cancel(id: string): PlanJobView;
}
