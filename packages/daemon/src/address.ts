import { z } from 'zod';

const protocols = ['ws:', 'wss:', 'tcp:', 'tcps:'];

/** What an address looks like, for sentences: "must be ..." */
export const addressHelp = 'an address such as ws://127.0.0.1:7400 (ws, wss, tcp or tcps)';

/** True for the address of a daemon: a scheme, a host and, for tcp and tcps, a port. */
export function isAddress(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !protocols.includes(url.protocol) || url.hostname === '') return false;
  return url.port !== '' || url.protocol.startsWith('ws');
}

/** Most addresses of one setting. */
const maxAddresses = 16;

/** The addresses of a setting that may name several, with commas between. */
export function addressesOf(text: string): string[] {
  return text.split(',').map((part) => part.trim());
}

/** The schema of a setting that is one address, or several with commas between. */
export const addressesSetting = z
  .string()
  .refine((text) => addressesOf(text).every(isAddress) && addressesOf(text).length <= maxAddresses, addressHelp);

/** The schema of a setting that is the address of a daemon. */
export const addressSetting = z.string().refine(isAddress, addressHelp);
