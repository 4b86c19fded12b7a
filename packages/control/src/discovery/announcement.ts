import { isIP } from 'node:net';
import { z } from 'zod';
import { contentHash, deviceId, fleetId } from '../ids.js';

/** The type of the service in DNS-SD: `_cutpoint._tcp`. */
export const serviceType = 'cutpoint';

const port = z.coerce.number().int().min(1).max(65_535);

/** What a server says about itself on the network. Anybody can say it: it is a hint, and the handshake proves it. */
const announcement = z.object({
  fleet: fleetId,
  device: deviceId,
  http: port,
  wire: port,
  /** Absent where the broker is another one: a device hears of it when it is paired. */
  mqtt: port.optional(),
  /** SHA-256 of the certificate of the fleet's authority; absent where there is none. */
  authority: contentHash.optional(),
});
export type Announcement = z.output<typeof announcement>;

/** The TXT record of an announcement. */
export function txtOf({ fleet, device, http, wire, mqtt, authority }: Announcement): Record<string, string> {
  const named = { http, wire, mqtt, authority };
  const given = Object.entries(named).filter(([, value]) => value !== undefined);
  return { fleet, device, ...Object.fromEntries(given.map(([key, value]) => [key, String(value)])) };
}

/** Longest of a value in a TXT record that is looked at; DNS allows 255 for key and value together. */
const maxValueLength = 128;

/** Reads a TXT record of anybody on the network; undefined if it is not one of ours. */
export function readTxt(txt: unknown): Announcement | undefined {
  if (typeof txt !== 'object' || txt === null) return undefined;
  const values = Object.values(txt);
  if (values.length > 16 || values.some((value) => typeof value !== 'string' || value.length > maxValueLength)) {
    return undefined;
  }
  return announcement.safeParse(txt).data;
}

const maxAddresses = 8;

/** The addresses to try: where the answer came from, then those that it names; what is no address is left out. */
export function addressesOf(from: string | undefined, named: readonly unknown[] | undefined): readonly string[] {
  const all = [from, ...(named ?? []).slice(0, maxAddresses)];
  const valid = all.filter((address): address is string => typeof address === 'string' && isIP(address) !== 0);
  return [...new Set(valid)].slice(0, maxAddresses);
}
