import {
  type ContentHash,
  contentHash,
  type DeploymentId,
  deploymentId,
  deviceFacts,
  deviceId,
  generation,
  reportedState,
  rung,
  telemetry,
} from '@cutpoint/control/client';
import { z } from 'zod';
import type { UploadPart, UploadState } from '../deploy/uploads.js';
import type { DeploymentRequest } from './deployment-request.js';
import type { FleetFigures } from './model-metrics.js';
import type { PlansAsked } from './plan-request.js';

const ms = z.number().nonnegative();

/** A device as the server sees it. */
export const deviceView = z.object({
  device: deviceId,
  role: z.enum(['agent', 'server']),
  status: z.enum(['online', 'silent', 'offline', 'revoked']),
  statusMs: ms.meta({ description: 'how long it has been in this status' }),
  quietMs: ms.meta({ description: 'how long ago it was last heard' }),
  session: z.string(),
  addresses: z.array(z.string()),
  facts: deviceFacts,
  telemetry: telemetry.optional(),
  reported: reportedState.optional(),
  desired: generation.optional(),
});
export type DeviceView = z.output<typeof deviceView>;

/** The answer of `GET /v1/devices`. */
export const devicesView = z.object({ devices: z.array(deviceView) });

/** One way in which requests can be answered, in the order in which they are tried. */
export const wayView = rung.extend({
  there: z.boolean().meta({ description: 'whether all devices that it needs are there' }),
});

/** One deployment, as the active generation has it. */
export const deploymentView = z.object({
  name: deploymentId,
  model: z.object({ name: z.string(), hash: contentHash }),
  devices: z.array(deviceId),
  begins: z
    .array(z.object({ device: deviceId, there: z.boolean(), ways: z.array(wayView) }))
    .meta({ description: 'where requests begin, and in which ways each device has them answered' }),
});
export type DeploymentView = z.output<typeof deploymentView>;

/** How far the last change of what the fleet runs is. */
export const rolloutView = z.object({
  phase: z.enum(['proposed', 'fetching', 'ready', 'active', 'refused', 'failed', 'rolled back']),
  generation,
  active: generation.meta({ description: 'what devices act on' }),
  name: deploymentId.optional().meta({ description: 'the deployment that a change on its way is of' }),
  waitingFor: z.array(deviceId),
  leftMs: ms
    .optional()
    .meta({ description: 'how long devices still have to become ready, while a change is on its way' }),
  problem: z.object({ device: deviceId.optional(), code: z.string(), message: z.string() }).optional(),
  fetchedBytes: z.number(),
  totalBytes: z.number(),
  devices: z
    .array(
      z.object({
        device: deviceId,
        there: z.boolean(),
        phase: z.enum(['waiting', 'fetching', 'preparing', 'ready', 'refused', 'failed']),
        fetchedBytes: z.number(),
        totalBytes: z.number(),
      }),
    )
    .meta({ description: 'how far each device is, while a change is on its way' }),
});
export type RolloutView = z.output<typeof rolloutView>;

export const statusView = z.object({
  version: z.string(),
  fleet: z.string(),
  devices: z.object({
    online: z.int(),
    offline: z.int(),
    away: z.array(deviceId).meta({ description: 'those that are not online, but may come back' }),
    revoked: z.array(deviceId).meta({ description: 'those that were thrown out of the fleet' }),
  }),
  rollout: rolloutView,
  deployments: z.array(deploymentView),
  notes: z.array(z.string()).meta({ description: 'what an operator should know, such as that callers need no token' }),
});
export type StatusView = z.output<typeof statusView>;

export const rollbackRequest = z.strictObject({ name: deploymentId });
export type RollbackRequest = z.output<typeof rollbackRequest>;

export const logsQuery = z.strictObject({
  device: deviceId,
  lines: z.coerce.number().int().min(1).max(1000).default(100),
});
export type LogsQuery = z.output<typeof logsQuery>;

/** The last lines of a log, the oldest first. */
export const logsView = z.object({ lines: z.array(z.string()) });

export const acceptedView = z.object({
  name: deploymentId,
  generation,
  withdrawn: z.literal(true).optional().meta({ description: 'a change that was on its way was given up instead' }),
});
export type AcceptedView = z.output<typeof acceptedView>;

/** Where files are sent, in parts. Its functions throw as those of `Uploads`. */
export interface FilesSent {
  look(hash: ContentHash): Promise<UploadState>;
  take(part: UploadPart): Promise<UploadState>;
}

/** The fleet behind the admin API. All throw CutpointError, among others CUT_NOT_FOUND and CUT_CONFLICT. */
export interface FleetAdmin {
  devices(): Promise<readonly DeviceView[]>;
  status(): Promise<StatusView>;
  /** Accepts a deployment, which then gets under way; `status` tells how far it is. `by` is for the audit log. */
  deploy(request: DeploymentRequest, by: string): Promise<AcceptedView>;
  /** Ends a deployment, or withdraws one that is only on its way. */
  undeploy(name: DeploymentId, by: string): Promise<AcceptedView>;
  /** Makes the deployment before the present one of that name the desired one, under a new generation; or withdraws a change of it that is on its way. */
  rollback(request: RollbackRequest, by: string): Promise<AcceptedView>;
  /** Files of models, which are sent before they are deployed. */
  readonly files: FilesSent;
  /** Plans for the devices of the fleet; without it there are none. */
  readonly plans?: PlansAsked;
  /** The last lines of a device's log, the oldest first. */
  logs(query: LogsQuery): Promise<readonly string[]>;
  /** Asked whenever metrics are read: cheap, and without waiting. */
  figures(): FleetFigures;
}
