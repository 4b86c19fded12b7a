import { z } from 'zod';
import { addressesSetting } from './address.js';
import { stateHelp } from './state-folder.js';

const named = (example: string) => `a name of lowercase letters, digits and dashes, such as ${example}`;
const isName = (text: string) => /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(text);

/** What a device, server or fleet is called: it stands in topics and certificates. */
export const nameSetting = (example: string) => z.string().refine(isName, named(example));

/** The schema of a setting that is the address of an MQTT broker. */
export const brokerSetting = z.string().refine((text) => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url !== undefined && ['mqtt:', 'mqtts:'].includes(url.protocol) && url.hostname !== '' && url.port !== '';
}, 'an address such as mqtt://127.0.0.1:7483 (mqtt or mqtts, with a port)');

/** What stands for an address of a fleet that is to be found. */
export const findFleet = 'find';

/** The schema of a setting that is the address of an MQTT broker, or leaves it to be found. */
export const brokerToFindSetting = z
  .string()
  .refine(
    (text) => text === findFleet || brokerSetting.safeParse(text).success,
    'an address such as mqtt://127.0.0.1:7483 (mqtt or mqtts, with a port), or "find"',
  )
  .meta({ bare: findFleet });

/** What every device of a fleet keeps. */
export const deviceSettings = {
  state: z.string().min(1).optional().describe(stateHelp),
  cacheMb: z
    .int()
    .min(16)
    .max(100_000_000)
    .default(16_384)
    .describe('most megabytes of deployed files that are kept on this device, those in use included'),
  addresses: addressesSetting
    .optional()
    .describe(
      'address under which the fleet reaches this device, or several with commas, where that is not what it listens on',
    ),
};
