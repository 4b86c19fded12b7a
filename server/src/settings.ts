import { endpointSettings, modelSettings } from '@cutpoint/daemon';
import { z } from 'zod';

/** Every setting of the server. Flags, environment variables, the configuration file and the help derive from it. */
export const serverSettings = z.strictObject({
  ...modelSettings,
  listen: z
    .string()
    .default('ws://127.0.0.1:7400')
    .describe('address to listen on: ws, wss, tcp or tcps; port 0 takes a free one'),
  ...endpointSettings,
});

export type ServerSettings = z.output<typeof serverSettings>;
