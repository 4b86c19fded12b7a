import { brokerSetting, deviceSettings, nameSetting } from '@cutpoint/daemon';
import { z } from 'zod';

/** The settings of a server that leads a fleet, which holds no model of its own. */
export const fleetSettings = {
  fleet: z
    .string()
    .min(1)
    .optional()
    .describe(
      'folder for the state of a fleet, as --state of other verbs: the server then leads it, and takes no model',
    ),
  lan: z
    .boolean()
    .default(false)
    .describe('open the fleet to the local network: broker, wire and HTTP, by TLS 1.3 with certificates of the fleet'),
  fleetName: nameSetting('home')
    .optional()
    .describe('what the fleet is called; part of all its topics (default: as it is called already, else home)'),
  name: nameSetting('server')
    .optional()
    .describe('what this server is called in its fleet (default: server, or, with --join, as it was paired)'),
  mqtt: brokerSetting
    .default('mqtt://127.0.0.1:7483')
    .describe("where the fleet's own broker listens: mqtts for paired devices, mqtt on loopback alone"),
  join: brokerSetting
    .optional()
    .describe("address of a fleet's broker: the server then joins the fleet that another leads, and takes no model"),
  announce: z
    .boolean()
    .default(true)
    .describe('announce a fleet that others can reach on the local network, by mDNS, so that devices find it'),
  ...deviceSettings,
  broker: brokerSetting.optional().describe('use the MQTT broker at this address, instead of one inside the server'),
};

export type FleetSettings = z.output<z.ZodObject<typeof fleetSettings>>;
