import type { Scope } from '@cutpoint/control';
import type { z } from 'zod';
import type { Caller } from './access.js';

/** What routes say of themselves in their `config`. */
export interface RouteConfig {
  /** What a caller of the route needs; left out where everyone may ask. */
  scope?: Scope;
  /** The schema of a body that the route reads by itself, for the document. */
  documentedBody?: z.ZodType;
  /** Left out of the document. */
  undocumented?: true;
}

declare module 'fastify' {
  interface FastifyContextConfig extends RouteConfig {}
  interface FastifyRequest {
    /** Who asks; undefined on routes that need no scope. */
    caller: Caller | undefined;
  }
}
