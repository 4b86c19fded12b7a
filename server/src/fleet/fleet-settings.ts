import { brokerSetting, deviceSettings, nameSetting } from '@cutpoint/daemon';
import { z } from 'zod';

/** The settings of a server that leads a fleet, which holds no model of its own. */
export const fleetSettings = {
  fleet: z
    .string()
    .min(1)
    .optional()
    .describe('folder for the state of a fleet: the server then leads it, and takes no model'),
  fleetName: nameSetting('home').default('home').describe('what the fleet is called; part of all its topics'),
  name: nameSetting('server').default('server').describe('what this server is called in its fleet'),
  mqtt: brokerSetting
    .default('mqtt://127.0.0.1:7483')
    .describe("where the fleet's own broker listens; loopback until devices are paired"),
  join: brokerSetting
    .optional()
    .describe("address of a fleet's broker: the server then joins the fleet that another leads, and takes no model"),
  ...deviceSettings,
  broker: brokerSetting.optional().describe('use the MQTT broker at this address, instead of one inside the server'),
};

export type FleetSettings = z.output<z.ZodObject<typeof fleetSettings>>;
