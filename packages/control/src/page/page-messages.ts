import { z } from 'zod';
import { deviceId, fleetId, sessionId } from '../ids.js';
import { maxMessageBytes } from '../messages.js';
import { deviceChannels } from '../topics.js';

/** Where a server takes pages into its fleet, by WebSocket; every message is a text of JSON. */
export const pagePath = '/v1/fleet/page';

/** Longest text that either side sends, in bytes. */
export const maxPageTextBytes = maxMessageBytes + 1024;

const nonce = z.string().regex(/^[0-9a-f]{64}$/);
const proof = z.base64().max(256);

/** The server's first word: what the page signs, so that nothing that was heard before is of use. */
export const challenge = z.object({
  type: z.literal('challenge'),
  fleet: fleetId,
  nonce,
  /** Whether devices of this fleet are paired; else a page says what it is called, and is believed. */
  paired: z.boolean(),
});
export type Challenge = z.output<typeof challenge>;

/** The page's first word: who it is, in this run. */
export const introduction = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('pair'),
    session: sessionId,
    /** As `cutpoint pair --new` shows it. */
    code: z.string().max(64),
    /** What it would be called, if the code does not say so. */
    name: deviceId.optional(),
    /** Its public key, ECDSA on P-256 (SubjectPublicKeyInfo, DER). */
    key: z.base64().max(512),
    proof,
  }),
  z.strictObject({
    type: z.literal('join'),
    session: sessionId,
    /** PEM, as the welcome brought it. */
    certificate: z.string().max(4096),
    proof,
  }),
  z.strictObject({ type: z.literal('name'), session: sessionId, name: deviceId }),
]);
export type Introduction = z.output<typeof introduction>;

/** The page is in the fleet. */
export const welcome = z.object({
  type: z.literal('welcome'),
  fleet: fleetId,
  device: deviceId,
  /** For HTTP and the wire while this connection lasts. */
  token: z.string().max(256),
  /** PEM: the first one, or one in the place of the one that was shown. */
  certificate: z.string().max(4096).optional(),
});
export type Welcome = z.output<typeof welcome>;

/** The server's last word. */
export const refused = z.object({
  type: z.literal('refused'),
  code: z.string().max(64),
  message: z.string().max(2000),
  /** True where it makes no sense to try again. */
  final: z.boolean(),
});

const channel = z.enum(deviceChannels);

/** A message of one of the page's own channels, from the page to its fleet or the other way. */
export const channelMessage = z.object({
  type: z.literal('channel'),
  channel,
  /** True if the broker had kept it. */
  retained: z.boolean().default(false),
  message: z.unknown(),
});

/** Whatever a server sends to a page. */
export const toPage = z.discriminatedUnion('type', [challenge, welcome, refused, channelMessage]);

/** What a page signs to prove that it has its key (ECDSA with SHA-256, r and s one after the other), as UTF-8. */
export function proofText({ fleet, nonce }: Pick<Challenge, 'fleet' | 'nonce'>, session: string): string {
  return `cutpoint page 1\n${fleet}\n${nonce}\n${session}`;
}
