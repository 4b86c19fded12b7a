import { addressSetting, endpointSettings } from '@cutpoint/daemon';
import { z } from 'zod';

/** Every setting of a rank. Flags, environment variables, the configuration file and the help derive from it. */
export const rankSettings = z.strictObject({
  listen: addressSetting
    .default('tcp://127.0.0.1:7410')
    .describe('address to listen on for rank 0: tcp, ws, or encrypted tcps, wss; port 0 takes a free one'),
  shards: z
    .string()
    .min(1)
    .optional()
    .describe('folder in which shards are kept (default: `shards` in the folder for what can be computed again)'),
  shardsMb: z
    .int()
    .min(1)
    .max(100_000_000)
    .default(65_536)
    .describe('most megabytes of shards that are kept in that folder, those in use included'),
  ...endpointSettings,
});

export type RankSettings = z.output<typeof rankSettings>;
