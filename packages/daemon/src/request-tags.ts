import { createHash } from 'node:crypto';
import { CutpointError, type NamedTensors } from '@cutpoint/core';
import type { Meta } from '@cutpoint/wire';
import { z } from 'zod';
import type { RequestKey } from './answered-requests.js';

/** What a request carries through all devices of its chain, beside what is asked. */
export interface RequestTags {
  /** The same when it is asked again, here or elsewhere. */
  readonly id?: string;
  /** In a fleet: what of all that is deployed it is for, and in which generation. */
  readonly deployment?: string;
  readonly generation?: number;
  /** In a fleet: the devices behind the one that is asked, in order. */
  readonly chain?: readonly string[];
}

const longestId = 128;
const deviceName = z.string().min(1).max(64);
const fleetTags = z.object({
  deployment: z.string().min(1).max(64).nullish(),
  chain: z.array(deviceName).max(16).nullish(),
});

/** Reads the id of a request. @throws CutpointError CUT_INPUT if it is no short text. */
export function requestIdOf({ id }: Meta): string | undefined {
  if (id === undefined || id === null) return undefined;
  if (typeof id === 'string' && id.length > 0 && id.length <= longestId) return id;
  throw new CutpointError(
    'CUT_INPUT',
    `The id in the request is none: it must be a text of 1 to ${longestId} characters.`,
  );
}

/** The tags of a request that has been checked. @throws CutpointError CUT_INPUT */
export function tagsOf(meta: Meta): RequestTags {
  const id = requestIdOf(meta);
  const { generation } = meta;
  const parsed = fleetTags.safeParse(meta);
  if (!parsed.success) {
    const message = 'The request must give deployment as a short text, and chain as a list of at most 16 devices.';
    throw new CutpointError('CUT_INPUT', message);
  }
  const { deployment, chain } = parsed.data;
  return {
    ...(id === undefined ? {} : { id }),
    ...(typeof deployment === 'string' ? { deployment } : {}),
    ...(typeof generation === 'number' ? { generation } : {}),
    ...(chain ? { chain } : {}),
  };
}

/** A request with its tags; itself where there are none, as what repeats is encoded only once. */
export function withTags(request: Meta, tags: RequestTags | undefined): Meta {
  return tags === undefined || Object.keys(tags).length === 0 ? request : { ...request, ...tags };
}

/** What makes a request the same as an earlier one: its id, what is asked for, and the tensors. */
export function requestKeyOf(id: string, what: unknown, tensors: NamedTensors): RequestKey {
  const hash = createHash('sha256');
  for (const [name, { dtype, shape, data }] of tensors) {
    hash.update(JSON.stringify([name, dtype, shape, data.byteLength])).update(data);
  }
  return { key: `${id} ${JSON.stringify(what)}`, fingerprint: hash.digest('hex') };
}
