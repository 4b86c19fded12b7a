import { randomBytes } from 'node:crypto';
import { asCutpointError, type CutpointError } from '@cutpoint/core';
import { type BrokerAddress, openConnection } from '../../connection/connection.js';
import { type DeviceId, deviceId, type FleetId } from '../../ids.js';
import { tensorsFor, tensorTopic } from '../../topics.js';
import type { BrokerAnswer } from '../network-checks.js';
import { within } from './deadline.js';

export interface BrokerProbe extends BrokerAddress {
  readonly fleet: FleetId;
  readonly timeoutMs: number;
}

/**
 * Connects as a device and sends itself two messages: one in its own name, which must arrive, and one in the name of
 * another device, which must not. A running agent of the same name loses its connection to the broker for a moment.
 */
export async function probeBroker({ fleet, timeoutMs, ...address }: BrokerProbe): Promise<BrokerAnswer> {
  const self = deviceId.parse(address.device);
  const problems: CutpointError[] = [];
  const onProblem = (error: CutpointError): unknown => problems.push(error);
  await using connection = openConnection({ ...address, connectTimeoutMs: timeoutMs, onProblem });
  const heard = new Set<string>();
  let wake = (): void => {};
  let down = false;
  connection.subscribe([tensorsFor(fleet, self)], ({ topic }) => {
    heard.add(topic);
    wake();
  });
  connection.onDown(() => {
    down = true;
    wake();
  });
  try {
    await connection.untilUp(AbortSignal.timeout(timeoutMs));
  } catch (thrown) {
    const { code, message } = problems[0] ?? asCutpointError(thrown, 'CUT_UNREACHABLE');
    return { kind: code === 'CUT_UNAUTHORISED' || code === 'CUT_TLS' ? 'not-let-in' : 'unreachable', why: message };
  }
  const send = async (from: DeviceId, patienceMs: number): Promise<boolean> => {
    const topic = tensorTopic(fleet, self, from);
    const settled = new Promise<void>((resolve) => {
      wake = () => (heard.has(topic) || down) && resolve();
    });
    // A refusal is no failure here: what counts is whether the message arrives.
    void connection.publish(topic, new Uint8Array(1), { acknowledged: true }).catch(() => undefined);
    await within(patienceMs, settled, undefined);
    return heard.has(topic);
  };
  if (!(await send(self, timeoutMs))) return { kind: 'mute' };
  const another = deviceId.parse(`doctor-${randomBytes(4).toString('hex')}`);
  if (await send(another, forgedPatienceMs)) return { kind: 'delivered' };
  return { kind: 'refused', how: down ? 'disconnected' : 'dropped' };
}

/** The honest message has just come back within less. */
const forgedPatienceMs = 1_000;
