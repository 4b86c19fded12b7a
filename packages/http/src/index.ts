// Loads fastify: import it where a door is opened, and not before.
export type { Access, Caller } from './access.js';
export { callerGone } from './caller-gone.js';
export { type FailureHandler, failureHandler, logFailure } from './failure-handler.js';
export { type HttpOptions, type HttpServer, type HttpTls, startHttp, type Upgrade } from './http-server.js';
export { checkJson, type JsonLimits } from './json-limits.js';
export { jsonParser, type ParseJson } from './json-parser.js';
export { defaultHttpLimits, type HttpLimits } from './limits.js';
export { type MetricsPage, openMetrics, type RequestMetrics, secondsHistogram } from './metrics.js';
export { type HttpGuard, type HttpSettings, type OpenHttpOptions, openHttp } from './open-http.js';
export { isFromOwnPage } from './page/page-origin.js';
export { type PageFolders, pagePath } from './page/page-routes.js';
export type { PageOptions } from './page/start-with-page.js';
export { failureOf, type HttpFailure, Refusal } from './refusal.js';
export { refuseUpgrade } from './refuse-upgrade.js';
export type { RouteConfig } from './route-config.js';
