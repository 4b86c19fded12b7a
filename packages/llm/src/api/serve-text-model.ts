import { type HealthReport, type Log, type TextSettings, textLimitsOf } from '@cutpoint/daemon';
import { defaultHttpLimits, type HttpServer, type HttpSettings, openHttp, type PageOptions } from '@cutpoint/http';
import { TextModel, type TextModelParts } from '../conversation/text-model.js';
import { openTextMetrics, type TextMetrics } from './model-metrics.js';
import { textRoutes } from './text-routes.js';

export interface TextDoorOptions {
  readonly model: TextModel;
  readonly health: () => HealthReport;
  readonly log: Log;
  /** Adds what else `/metrics` shows. */
  readonly measure?: (registers: TextMetrics['registers']) => void;
}

/** What a door serves that a language model is behind. */
export function textDoor({ model, health, log, measure }: TextDoorOptions) {
  const metrics = openTextMetrics();
  measure?.(metrics.registers);
  const limits = defaultHttpLimits;
  return {
    health,
    metrics,
    limits,
    log,
    description: 'A language model, as the API of OpenAI has it.',
    routes: (app: Parameters<typeof textRoutes>[0]) => textRoutes(app, { model, metrics, limits, log }),
  };
}

export interface ServedText extends TextModelParts, Pick<TextDoorOptions, 'health' | 'log' | 'measure'> {
  /** A page for browsers, and routes of others beside it. Default: none. */
  readonly page?: { readonly page: PageOptions; readonly extend: ReturnType<typeof textDoor>['routes'] };
}

/**
 * Serves a language model over HTTP as OpenAI's API does, until disposed.
 * @param address host:port.
 * @throws CutpointError as `openHttp`.
 */
export async function serveTextModel(
  address: string,
  settings: HttpSettings & TextSettings,
  { health, log, measure, page: pageParts, ...parts }: ServedText,
): Promise<HttpServer> {
  const model = new TextModel({ ...parts, draftTokens: settings.draft }, textLimitsOf(settings));
  const door = textDoor({ model, health, log, ...(measure && { measure }) });
  const routes: typeof door.routes = async (app) => {
    await app.register((own) => door.routes(own));
    if (pageParts !== undefined) await app.register(pageParts.extend);
  };
  const page = pageParts && { page: pageParts.page };
  const server = await openHttp(address, settings, { ...door, routes, ...page });
  log.info({ url: `${server.url}/v1`, model: model.name }, 'language model over http');
  return server;
}
