import { z } from 'zod';

/** The settings that both daemons share: where they listen, who may ask, how they log and stop. */
export const endpointSettings = {
  tlsCert: z.string().min(1).optional().describe('PEM file with the certificate (chain) for tcps and wss'),
  tlsKey: z.string().min(1).optional().describe('PEM file with the private key of the certificate'),
  tokenFile: z.string().min(1).optional().describe('file with the token that callers must present; chmod 600'),
  insecure: z.boolean().default(false).describe('listen beyond loopback without TLS and token; warns at every start'),
  health: z.string().min(1).optional().describe('host:port of a separate health endpoint; ws and wss have one already'),
  maxRequests: z.int().min(1).max(1024).default(16).describe('requests of one connection that run at the same time'),
  graceMs: z.int().min(0).max(600_000).default(10_000).describe('how long a stop waits for running requests, in ms'),
  logLevel: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info').describe('what is logged'),
  logFormat: z.enum(['auto', 'json', 'pretty']).default('auto').describe('auto is pretty on a terminal, else json'),
};

/** The shared settings with their values. */
export type EndpointSettings = z.output<z.ZodObject<typeof endpointSettings>> & { readonly listen: string };
