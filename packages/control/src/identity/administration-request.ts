import { z } from 'zod';
import { deviceId } from '../ids.js';
import { scope } from '../store/tokens.js';
import { hostName, maxHosts } from './names.js';

/** What whoever owns the server's folder may ask of it. */
export const administrationRequest = z.discriminatedUnion('action', [
  z.strictObject({
    action: z.literal('offer'),
    device: deviceId.optional(),
    hosts: z
      .array(hostName)
      .max(maxHosts - 2)
      .optional(),
  }),
  /** A certificate for the broker of others: for its hosts, and for a key that stays with whoever asks. */
  z.strictObject({
    action: z.literal('certify-broker'),
    device: deviceId,
    hosts: z.array(hostName).min(1).max(maxHosts),
    /** PKCS #10, DER, in base64. */
    request: z.base64().max(4096),
  }),
  z.strictObject({ action: z.literal('revoke-device'), device: deviceId }),
  z.strictObject({ action: z.literal('list-devices') }),
  z.strictObject({ action: z.literal('list-audit'), count: z.int().min(1).max(1000) }),
  /** Where the HTTP API of the server that runs is, and the authority to know it by. */
  z.strictObject({ action: z.literal('where') }),
  z.strictObject({
    action: z.literal('create-token'),
    label: z.string().max(100),
    scopes: z.array(scope).min(1).max(4),
    lifetimeMs: z.number().positive().optional(),
  }),
  z.strictObject({ action: z.literal('list-tokens') }),
  z.strictObject({ action: z.literal('revoke-token'), id: z.string().max(64) }),
]);
export type AdministrationRequest = z.output<typeof administrationRequest>;
