import { z } from 'zod';

/** What names of devices, servers and fleets look like: they stand in topics, certificates and host names. */
const name = z.string().regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'must be lowercase letters, digits and dashes');

/** Names one agent or server in its fleet; it stands in the certificate. */
export const deviceId = name.brand<'DeviceId'>();
export type DeviceId = z.output<typeof deviceId>;

/** Names a fleet: one authority, one set of topics. */
export const fleetId = name.brand<'FleetId'>();
export type FleetId = z.output<typeof fleetId>;

/** Names one deployment of one model. */
export const deploymentId = name.brand<'DeploymentId'>();
export type DeploymentId = z.output<typeof deploymentId>;

/** One run of a daemon, drawn by chance at its start: what an earlier run left behind on the broker is told by it. */
export const sessionId = z
  .string()
  .regex(/^[0-9a-f]{32}$/)
  .brand<'SessionId'>();
export type SessionId = z.output<typeof sessionId>;

/** SHA-256 of content, in lowercase hexadecimal: what segments are named by. */
export const contentHash = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .brand<'ContentHash'>();
export type ContentHash = z.output<typeof contentHash>;

/**
 * Grows with every change of what a device shall run and is never used twice: what is done in the name of an older one
 * is refused.
 */
export const generation = z.int().min(0).max(Number.MAX_SAFE_INTEGER).brand<'Generation'>();
export type Generation = z.output<typeof generation>;
