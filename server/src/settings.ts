import {
  addressSetting,
  bitsSetting,
  endpointSettings,
  maxStagesSetting,
  modelSettings,
  reachSettings,
  textSettings,
} from '@cutpoint/daemon';
import { z } from 'zod';
import { fleetSettings } from './fleet/fleet-settings.js';

/** Every setting of the server. Flags, environment variables, the configuration file and the help derive from it. */
export const serverSettings = z.strictObject({
  ...modelSettings,
  model: modelSettings.model.optional(),
  ...fleetSettings,
  cache: z
    .enum(['f32', 'f16', '8'])
    .default('f32')
    .describe('of a language model: keys and values in f32, f16 or 8 bits'),
  bits: bitsSetting,
  ...textSettings,
  at: modelSettings.at.describe(
    'the cut, as `cutpoint cuts` numbers it, or several with commas between; without it, agents choose (not for a segments.json)',
  ),
  segment: z
    .int()
    .min(1)
    .optional()
    .describe('of several cuts, which segment to load at the start: 1 is behind the first cut (default: the last)'),
  maxStages: maxStagesSetting,
  maxSequences: z
    .int()
    .min(1)
    .max(4096)
    .default(64)
    .describe('of a language model: texts that are continued at a time'),
  maxCacheBytes: z
    .int()
    .min(1)
    .optional()
    .describe('of a language model: memory for the keys and values of all texts (default: half of what is free)'),
  sequenceIdleMs: z
    .int()
    .min(1_000)
    .max(86_400_000)
    .default(600_000)
    .describe('of a language model: how long a text is kept that nobody continues, in ms'),
  sentTablesMb: z
    .int()
    .min(0)
    .max(1024)
    .default(32)
    .describe(
      'of a language model: tables of the codec transform that agents send are kept up to so many MB; 0: none is taken',
    ),
  next: addressSetting.optional().describe('address of the next server of a chain, for splits with several cuts'),
  nextCa: z.string().min(1).optional().describe("PEM file with the authority of the next server's certificate"),
  nextTokenFile: z.string().min(1).optional().describe('file with the token to present to the next server; chmod 600'),
  ...reachSettings,
  listen: addressSetting
    .default('ws://127.0.0.1:7400')
    .describe('address to listen on: ws, wss, tcp or tcps; port 0 takes a free one'),
  http: z
    .string()
    .min(1)
    .optional()
    .describe(
      'host:port of the HTTP API (KServe v2, metrics; for a language model like that of OpenAI), such as 127.0.0.1:7480; the whole model is loaded for it, unless a fleet is led',
    ),
  timeoutMs: z
    .int()
    .min(1)
    .max(600_000)
    .default(30_000)
    .describe('deadline of an HTTP request that comes without one, in ms'),
  ...endpointSettings,
});

export type ServerSettings = z.output<typeof serverSettings>;
