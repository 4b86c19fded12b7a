import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { failureAnswer } from './infer-schemas.js';
import { type PlanRequest, type PlansAsked, planJobView, planRequest } from './plan-request.js';

const idParams = z.object({ id: z.string().regex(/^[0-9a-f]{32}$/) });
type Params = z.output<typeof idParams>;

/** Plans for the devices of the fleet, out of what they measure themselves, under /v1/plans. It takes a while: ask again. */
export async function plansApi(app: FastifyInstance, plans: PlansAsked): Promise<void> {
  const common = { tags: ['Fleet'] };
  const failures = { '4xx': failureAnswer, '5xx': failureAnswer };
  const config = { scope: 'deploy' } as const;
  const start = {
    summary: 'Have devices measure a model, and plan it',
    ...common,
    body: planRequest,
    response: { 202: planJobView, ...failures },
  };
  app.post<{ Body: PlanRequest }>('/v1/plans', { schema: start, config }, async ({ body, caller }, reply) =>
    reply.code(202).send(await plans.start(body, caller?.name ?? 'nobody')),
  );
  const one = { ...common, params: idParams, response: { 200: planJobView, ...failures } };
  const look = { summary: 'How far a plan is', ...one };
  app.get<{ Params: Params }>('/v1/plans/:id', { schema: look, config }, async ({ params }) => plans.look(params.id));
  const end = { summary: 'Give up a plan', ...one };
  app.delete<{ Params: Params }>('/v1/plans/:id', { schema: end, config }, async ({ params }) =>
    plans.cancel(params.id),
  );
}
