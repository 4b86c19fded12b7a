import { deploymentId } from '@cutpoint/control';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { type DeploymentRequest, deploymentRequest } from './deployment-request.js';
import {
  acceptedView,
  devicesView,
  type FleetAdmin,
  type LogsQuery,
  logsQuery,
  logsView,
  type RollbackRequest,
  rollbackRequest,
  statusView,
} from './fleet-admin.js';
import { failureAnswer } from './infer-schemas.js';
import { plansApi } from './plans-api.js';
import { uploadApi } from './upload-api.js';

const tags = ['Fleet'];
const failures = { '4xx': failureAnswer, '5xx': failureAnswer };
const deploymentParams = z.object({ name: deploymentId });

/** Devices, deployments and logs of the fleet, under /v1. */
export async function adminApi(app: FastifyInstance, fleet: FleetAdmin): Promise<void> {
  // Whatever they call it, clients send JSON.
  app.addContentTypeParser('*', { parseAs: 'string' }, app.getDefaultJsonParser('error', 'error'));
  readRoutes(app, fleet);
  deployRoutes(app, fleet);
  await app.register(async (own) => uploadApi(own, fleet.files));
  if (fleet.plans !== undefined) await plansApi(app, fleet.plans);
  const logs = {
    summary: 'The last lines of a device’s log',
    tags,
    querystring: logsQuery,
    response: { 200: logsView, ...failures },
  };
  app.get<{ Querystring: LogsQuery }>('/v1/logs', { schema: logs, config: { scope: 'admin' } }, async ({ query }) => ({
    lines: await fleet.logs(query),
  }));
}

function readRoutes(app: FastifyInstance, fleet: FleetAdmin): void {
  const devices = {
    summary: 'The devices of the fleet',
    tags,
    response: { 200: devicesView, ...failures },
  };
  app.get('/v1/devices', { schema: devices, config: { scope: 'read' } }, async () => ({
    devices: await fleet.devices(),
  }));
  const status = { summary: 'The fleet and its deployments', tags, response: { 200: statusView, ...failures } };
  app.get('/v1/status', { schema: status, config: { scope: 'read' } }, async () => await fleet.status());
}

function deployRoutes(app: FastifyInstance, fleet: FleetAdmin): void {
  const config = { scope: 'deploy' } as const;
  const deploy = {
    summary: 'Deploy a model',
    tags,
    body: deploymentRequest,
    response: { 202: acceptedView, ...failures },
  };
  app.post<{ Body: DeploymentRequest }>('/v1/deployments', { schema: deploy, config }, async (request, reply) =>
    reply.code(202).send(await fleet.deploy(request.body, by(request))),
  );
  const undeploy = {
    summary: 'End a deployment',
    tags,
    params: deploymentParams,
    response: { 202: acceptedView, ...failures },
  };
  app.delete<{ Params: z.output<typeof deploymentParams> }>(
    '/v1/deployments/:name',
    { schema: undeploy, config },
    async (request, reply) => reply.code(202).send(await fleet.undeploy(request.params.name, by(request))),
  );
  const rollback = {
    summary: 'Go back to the deployment before',
    tags,
    body: rollbackRequest,
    response: { 202: acceptedView, ...failures },
  };
  app.post<{ Body: RollbackRequest }>('/v1/rollback', { schema: rollback, config }, async (request, reply) =>
    reply.code(202).send(await fleet.rollback(request.body, by(request))),
  );
}

/** For the audit log. */
function by({ caller }: { readonly caller: { readonly name: string } | undefined }): string {
  return caller?.name ?? 'nobody';
}
