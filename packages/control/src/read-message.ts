import { CutpointError } from '@cutpoint/core';
import type { z } from 'zod';
import type { DeviceId, FleetId } from './ids.js';
import { maxBytesOf } from './messages.js';
import { type DeviceChannel, topicOf } from './topics.js';

const decoder = new TextDecoder('utf-8', { fatal: true });

/** A message of a channel with where it came from. */
export interface ChannelPayload {
  readonly fleet: FleetId;
  readonly device: DeviceId;
  readonly channel: DeviceChannel;
  readonly payload: Uint8Array;
}

/**
 * Reads the payload of a message: length, then JSON, then its schema.
 * @throws CutpointError CUT_WIRE_TOO_LARGE, CUT_WIRE_MALFORMED
 */
export function readMessage<S extends z.ZodType>(schema: S, { payload, ...from }: ChannelPayload): z.output<S> {
  const topic = topicOf(from.fleet, from.device, from.channel);
  const most = maxBytesOf[from.channel];
  if (payload.length > most) {
    const message = `The message at ${topic} has ${payload.length} bytes, but may have ${most}.`;
    throw new CutpointError('CUT_WIRE_TOO_LARGE', message);
  }
  const result = schema.safeParse(parse(payload, topic));
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const where = issue?.path.join('.') || 'the whole';
  const message = `The message at ${topic} is not what belongs there: ${where}: ${issue?.message}.`;
  throw new CutpointError('CUT_WIRE_MALFORMED', message, { cause: result.error });
}

function parse(payload: Uint8Array, topic: string): unknown {
  try {
    return JSON.parse(decoder.decode(payload));
  } catch (cause) {
    throw new CutpointError('CUT_WIRE_MALFORMED', `The message at ${topic} is not JSON.`, { cause });
  }
}
