import { asCutpointError, CutpointError } from '@cutpoint/core';
import type { Courier } from '@cutpoint/wire';
import type { BrokerConnection } from '../connection/connection.js';
import { type DeviceId, deviceId, type FleetId } from '../ids.js';
import { maxMessageBytes } from '../messages.js';
import { tensorsFor, tensorTopic } from '../topics.js';

export interface MqttCourierOptions {
  readonly fleet: FleetId;
  readonly device: DeviceId;
  /** Why nothing is taken from a device any more: the broker of others may let one in that was revoked. */
  readonly refusal?: (from: DeviceId) => CutpointError | undefined;
  /** Hears of what was not taken, for the log. */
  readonly onRefused?: (error: CutpointError) => void;
}

/**
 * Carries the frames of `mqtt:` addresses over a connection to a broker, which others may use beside it. Messages are
 * acknowledged (QoS 1), so that what the broker could not take is known; the wire drops what comes twice.
 */
export function mqttCourier(
  connection: BrokerConnection,
  { fleet, device, refusal, onRefused }: MqttCourierOptions,
): Courier {
  const filter = tensorsFor(fleet, device);
  const prefix = filter.slice(0, -1);
  let open = true;
  return {
    device,
    maxMessageBytes,
    start(events) {
      connection.subscribe([filter], ({ topic, payload }) => {
        if (!open || !topic.startsWith(prefix)) return;
        const from = deviceId.safeParse(topic.slice(prefix.length));
        if (!from.success) return;
        const refused = refusal?.(from.data);
        if (refused === undefined) events.onMessage(from.data, payload);
        else onRefused?.(refused);
      });
      connection.onDown(() => {
        if (open)
          events.onLost(new CutpointError('CUT_CONNECTION_LOST', `The broker at ${connection.url} is out of reach.`));
      });
    },
    async publish(to, message) {
      try {
        await connection.publish(tensorTopic(fleet, to as DeviceId, device), message, { acknowledged: true });
      } catch (thrown) {
        const { message: why } = asCutpointError(thrown, 'CUT_INTERNAL');
        throw new CutpointError('CUT_CONNECTION_LOST', why, { cause: thrown });
      }
    },
    // The connection stays, with its subscription: it belongs to whoever opened it.
    close() {
      open = false;
    },
  };
}
