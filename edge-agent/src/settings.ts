import {
  addressesSetting,
  addressSetting,
  bitsSetting,
  brokerToFindSetting,
  codecSpec,
  deviceSettings,
  endpointSettings,
  maxStagesSetting,
  modelSettings,
  nameSetting,
  reachSettings,
  textSettings,
} from '@cutpoint/daemon';
import { z } from 'zod';

/** Every setting of the agent. Flags, environment variables, the configuration file and the help derive from it. */
export const agentSettings = z.strictObject({
  ...modelSettings,
  model: modelSettings.model.optional(),
  fleet: brokerToFindSetting
    .optional()
    .describe(
      "address of a fleet's broker, or `find` (as without a value): the agent then joins it, and takes no model (default without a model: where it was paired)",
    ),
  fleetName: nameSetting('home')
    .optional()
    .describe('what the fleet is called; part of all its topics (default: as it was paired, else home)'),
  name: nameSetting('pi-1')
    .optional()
    .describe('what this agent is called in its fleet (default: as it was paired, else the host name)'),
  fleetListen: addressSetting
    .optional()
    .describe(
      'address at which a paired agent listens for other devices, by its certificate: wss or tcps (default: wss://0.0.0.0:7402)',
    ),
  ...deviceSettings,
  cache: z
    .enum(['f32', 'f16', '8', 'none'])
    .default('f32')
    .describe(
      'of a language model: keys and values in f32, f16 or 8 bits; none (with --at): those of the layers here are computed anew for each token',
    ),
  bits: bitsSetting,
  ...textSettings,
  at: modelSettings.at.describe(
    'the cut, as `cutpoint cuts` numbers it, or several with commas between; without it, each request says so',
  ),
  maxStages: maxStagesSetting,
  codec: z
    .array(codecSpec)
    .min(1)
    .max(16)
    .default(['raw'])
    .describe(
      'how tensors cross the cut, such as raw, f16 or ts-tabq:delta=1e-3+rans: one codec for all cuts, or one for each with commas between',
    ),
  server: addressesSetting
    .optional()
    .describe(
      'address of the server, or several with commas between, the first the planned one; not needed where the cut leaves nothing to the server',
    ),
  otherCuts: z
    .array(z.int().min(0))
    .max(16)
    .default([])
    .describe('further cuts to try where a request cannot be answered with its own, with commas between'),
  localFallback: z
    .boolean()
    .default(false)
    .describe('answer with the whole model on this device where no server does in time; it is loaded at the start'),
  private: z
    .boolean()
    .default(false)
    .describe('of a language model: send no tokens to the server; norm and head run here too'),
  answerCodec: codecSpec
    .optional()
    .describe(
      'of a language model that is private: how hidden states come back (default: as codec, or f16 where that names a table)',
    ),
  serverCa: z.string().min(1).optional().describe("PEM file with the authority of the server's certificate"),
  serverTokenFile: z.string().min(1).optional().describe('file with the token to present to the server; chmod 600'),
  ...reachSettings,
  maxInFlight: z.int().min(1).max(1024).default(32).describe('requests under way at the same time; more are refused'),
  timeoutMs: z
    .int()
    .min(1)
    .max(86_400_000)
    .default(30_000)
    .describe('deadline of a request that comes without one, in ms'),
  listen: addressSetting
    .default('ws://127.0.0.1:7401')
    .describe('address to listen on: ws, wss, tcp or tcps; port 0 takes a free one'),
  http: z
    .string()
    .min(1)
    .optional()
    .describe('host:port of an HTTP API like that of OpenAI, such as 127.0.0.1:7481; only for a language model'),
  ...endpointSettings,
});

export type AgentSettings = z.output<typeof agentSettings>;
