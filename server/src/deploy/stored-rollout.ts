import { assignment, deviceId, type Generation } from '@cutpoint/control';
import { CutpointError } from '@cutpoint/core';
import { z } from 'zod';
import { type FleetAssignments, type Rollout, rolloutFrom } from './rollout.js';

/** Where deployments outlive the server. */
export interface DeployRecords {
  prepare(body: unknown, createdAtMs: number, least: Generation): Generation;
  activate(generation: Generation): void;
  drop(generation: Generation): void;
  active(): { readonly generation: Generation; readonly body: unknown } | undefined;
  /** Newest first. */
  list(): readonly { readonly generation: Generation; readonly state: string; readonly body: unknown }[];
}

const storedFleet = z.object({ devices: z.array(z.tuple([deviceId, z.array(assignment)])) });

/** What is stored as a deployment. */
export function bodyOf(assignments: FleetAssignments): unknown {
  return { devices: [...assignments] };
}

/** The rollout that a server goes on with: what is active, and what it could go back to. @throws CutpointError CUT_INTERNAL */
export function storedRollout(records: DeployRecords): Rollout {
  const all = records.list();
  const active = records.active();
  const newest = all[0]?.generation ?? active?.generation;
  if (active === undefined) return rolloutFrom(zero, new Map(), newest === undefined ? {} : { newest });
  const former = all.filter(({ state, generation }) => state === 'former' && generation < active.generation);
  const options = { former: former.map(({ body }) => fleetOf(body)), ...(newest !== undefined && { newest }) };
  return rolloutFrom(active.generation, fleetOf(active.body), options);
}

const zero = 0 as Generation; // the lowest there is

function fleetOf(body: unknown): FleetAssignments {
  const parsed = storedFleet.safeParse(body);
  if (parsed.success) return new Map(parsed.data.devices);
  throw new CutpointError('CUT_INTERNAL', 'A stored deployment cannot be read: it is of another version.');
}
