import { createHash } from 'node:crypto';
import { CutpointError, type NamedTensors } from '@cutpoint/core';
import type { Meta } from '@cutpoint/wire';
import type { RequestKey } from './answered-requests.js';

/** What a request carries through all devices of its chain, beside what is asked. */
export interface RequestTags {
  /** The same when it is asked again, here or elsewhere. */
  readonly id?: string;
  /** The deployment under which it is made. */
  readonly generation?: number;
}

const longestId = 128;

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
  return { ...(id === undefined ? {} : { id }), ...(typeof generation === 'number' ? { generation } : {}) };
}

/** What makes a request the same as an earlier one: its id, what is asked for, and the tensors. */
export function requestKeyOf(id: string, what: unknown, tensors: NamedTensors): RequestKey {
  const hash = createHash('sha256');
  for (const [name, { dtype, shape, data }] of tensors) {
    hash.update(JSON.stringify([name, dtype, shape, data.byteLength])).update(data);
  }
  return { key: `${id} ${JSON.stringify(what)}`, fingerprint: hash.digest('hex') };
}
