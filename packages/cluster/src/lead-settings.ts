import { endpointSettings, textSettings } from '@cutpoint/daemon';
import { cacheKinds } from '@cutpoint/llm';
import { z } from 'zod';
import { topologies } from './group/rank-group.js';

const { tlsCert, tlsKey, tokenFile, insecure, graceMs, logLevel, logFormat } = endpointSettings;

/** Every setting of rank 0 when it serves. It has no address but that of its HTTP API: rank 0 calls the others. */
export const leadSettings = z.strictObject({
  model: z.string().min(1).meta({
    argument: 'package',
    description: 'the folder of a language model that `cutpoint llm import` made',
  }),
  ranks: z
    .string()
    .min(1)
    .optional()
    .describe('the other ranks, as `cutpoint cluster join` said, with commas between: tcp://pi-1:7410,tcp://pi-2:7410'),
  local: z
    .int()
    .min(1)
    .max(64)
    .optional()
    .describe('so many ranks in processes of this machine, this one included, instead of ranks'),
  shares: z
    .string()
    .min(1)
    .optional()
    .describe('what each rank can do, in any unit, this one first: 2,1,1 (default: equal)'),
  window: z
    .string()
    .min(1)
    .optional()
    .describe(
      'what weights of layers may take in memory at each rank, in bytes, as 500e6; the rest is read again for each token. One number, or one for each rank, this one first: 2e9,500e6,500e6',
    ),
  rankCa: z.string().min(1).optional().describe("PEM file with the authority of the other ranks' certificates"),
  rankTokenFile: z.string().min(1).optional().describe('file with the token to present to the other ranks; chmod 600'),
  shards: z
    .string()
    .min(1)
    .optional()
    .describe('folder in which shards are kept (default: `shards` in the folder for what can be computed again)'),
  threads: z.int().min(1).max(1024).default(1).describe('threads of an operator, at each rank'),
  cache: z.enum(cacheKinds).default('f32').describe('keys and values in f32, f16 or 8 bits'),
  allReduce: z
    .enum(['auto', ...topologies])
    .default('auto')
    .describe('who sends to whom when ranks add up'),
  http: z
    .string()
    .min(1)
    .default('127.0.0.1:7480')
    .describe('host:port of an HTTP API like that of OpenAI, with health and metrics; port 0 takes a free one'),
  ...textSettings,
  maxQueue: z.int().min(1).max(65_536).default(64).describe('requests that wait; more are refused'),
  timeoutMs: z.int().min(1).max(600_000).default(30_000).describe('how long a request may wait for its turn, in ms'),
  tlsCert: tlsCert.describe('PEM file with the certificate (chain) of the HTTP API'),
  tlsKey,
  tokenFile,
  insecure,
  graceMs,
  logLevel,
  logFormat,
});

export type LeadSettings = z.output<typeof leadSettings>;
