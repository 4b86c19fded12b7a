import type { HealthReport } from '@cutpoint/daemon';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { MetricsPage } from './metrics.js';

const tags = ['server'];

/** `/healthz` and `/readyz` for everyone, as on the daemons' other ports; `/metrics` for who may read. */
export async function healthPages(
  app: FastifyInstance,
  health: () => HealthReport,
  metrics: MetricsPage,
): Promise<void> {
  const alive = { summary: 'Does the process answer?', tags, response: { 200: z.object({ status: z.literal('ok') }) } };
  app.get('/healthz', { schema: alive }, async (_request, reply) =>
    reply.header('cache-control', 'no-store').send({ status: 'ok' }),
  );
  const report = z.looseObject({ ready: z.boolean() });
  const ready = { summary: 'Can requests be served?', tags, response: { 200: report, 503: report } };
  app.get('/readyz', { schema: ready }, async (_request, reply) => {
    const now = health();
    return reply
      .code(now.ready ? 200 : 503)
      .header('cache-control', 'no-store')
      .send(now);
  });
  const figures = { summary: 'Metrics for Prometheus', tags, produces: ['text/plain'], response: { 200: z.string() } };
  app.get('/metrics', { schema: figures, config: { scope: 'read' } }, async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.text()),
  );
}
