import {
  type HttpGuard,
  type HttpOptions,
  type HttpServer,
  type HttpSettings,
  openHttp,
  type PageOptions,
} from '@cutpoint/http';
import type { FastifyInstance } from 'fastify';
import type { FleetAdmin } from './fleet-admin.js';
import { defaultInferenceLimits, type InferenceLimits } from './limits.js';
import { openModelMetrics } from './model-metrics.js';
import type { Models } from './models.js';
import { openInference } from './open-inference.js';

export interface ModelDoorOptions extends Pick<HttpOptions, 'health' | 'log' | 'upgrades'> {
  readonly models: Models;
  /** Without it there is no admin API. */
  readonly fleet?: FleetAdmin;
  /** Adds routes of others, such as files for devices. */
  readonly extend?: (app: FastifyInstance) => Promise<void>;
  readonly limits?: Partial<InferenceLimits>;
}

/** What a door serves that models are behind: the Open Inference Protocol, metrics and, with a fleet, the admin API. */
export function modelDoor({ models, fleet, extend, upgrades, health, log, limits: changes }: ModelDoorOptions) {
  const limits = { ...defaultInferenceLimits, ...changes };
  const metrics = openModelMetrics(fleet === undefined ? undefined : () => fleet.figures());
  const routes = async (app: FastifyInstance): Promise<void> => {
    await app.register(async (own) => openInference(own, { models, metrics, limits, ready: () => health().ready }));
    if (fleet !== undefined) {
      // With it come the fleet's schemas and store, which a server for one model need not load.
      const { adminApi } = await import('./admin-api.js');
      await app.register(async (own) => adminApi(own, fleet));
    }
    if (extend !== undefined) await app.register(extend);
  };
  const description = 'Open Inference Protocol (KServe v2) for deployed models, and the fleet behind them.';
  return { health, metrics, routes, description, limits, log, ...(upgrades === undefined ? {} : { upgrades }) };
}

/**
 * Serves models over HTTP on the address of the setting `http`.
 * @throws CutpointError as `openHttp`.
 */
export async function serveModels(
  address: string,
  settings: HttpSettings,
  { guard, page, ...options }: ModelDoorOptions & { readonly guard?: HttpGuard; readonly page?: PageOptions },
): Promise<HttpServer> {
  return await openHttp(address, settings, {
    ...(guard === undefined ? {} : { guard }),
    ...(page === undefined ? {} : { page }),
    owners: options.fleet !== undefined,
    ...modelDoor({ ...options, limits: { timeoutMs: settings.timeoutMs } }),
  });
}
