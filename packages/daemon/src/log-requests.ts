import { asCutpointError } from '@cutpoint/core';
import type { RequestHandler } from '@cutpoint/wire';
import type { Log } from './log.js';

/** Logs requests that fail as warnings, and with level `debug` those that are answered, with their duration in ms. */
export function logRequests(handler: RequestHandler, log: Log): RequestHandler {
  return async (request) => {
    const { method, remote } = request;
    const startedAt = performance.now();
    const details = () => ({ method, remote: remote.name, ms: Math.round(performance.now() - startedAt) });
    try {
      const answer = await handler(request);
      if (log.isLevelEnabled('debug')) log.debug(details(), 'answered');
      return answer;
    } catch (thrown) {
      const { code, message } = asCutpointError(thrown, 'CUT_INTERNAL');
      log.warn({ ...details(), code }, message);
      throw thrown;
    }
  };
}
