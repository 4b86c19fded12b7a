import { Socket } from 'node:net';
import { CutpointError, messageOf } from '@cutpoint/core';
import type { Courier, CourierEvents } from '@cutpoint/wire';
import type { MqttClient } from 'mqtt';
import { type DeviceId, deviceId, type FleetId } from '../ids.js';
import { maxMessageBytes as defaultMessageBytes } from '../messages.js';
import { tensorsFor, tensorTopic } from '../topics.js';

export interface MqttCourierOptions {
  /** Connected to the broker, and closed by whoever connected it. It may serve other topics beside. */
  readonly client: MqttClient;
  readonly fleet: FleetId;
  readonly device: DeviceId;
  /** Longest payload that the broker takes, in bytes; 256 KiB if left out. */
  readonly maxMessageBytes?: number;
  /** How long the broker may take to accept the subscription. */
  readonly timeoutMs?: number;
}

/** At least once: the broker hands nothing on that it dropped in silence, and the wire drops what comes twice. */
const qos = 1;

/**
 * Carries the frames of `mqtt:` addresses over a client's connection to a broker.
 * @throws CutpointError CUT_UNREACHABLE if the broker does not answer, CUT_FORBIDDEN if it refuses the topic
 */
export async function mqttCourier(options: MqttCourierOptions): Promise<Courier> {
  const { client, fleet, device, maxMessageBytes = defaultMessageBytes, timeoutMs = 5_000 } = options;
  const filter = tensorsFor(fleet, device);
  await subscribe(client, filter, timeoutMs);
  const prefix = filter.slice(0, -1);
  let stop = (): void => {};
  return {
    device,
    maxMessageBytes,
    start(events) {
      stop = listenTo(client, prefix, events);
    },
    publish(to, message) {
      if (!client.connected) return Promise.reject(new CutpointError('CUT_CONNECTION_LOST', offline));
      const topic = tensorTopic(fleet, to as DeviceId, device);
      return new Promise((resolve, reject) => {
        client.publish(topic, message as Buffer, { qos }, (thrown) => {
          if (thrown == null) resolve();
          else
            reject(
              new CutpointError('CUT_CONNECTION_LOST', `The broker did not take a message: ${messageOf(thrown)}.`),
            );
        });
      });
    },
    close() {
      stop();
      // What the broker says to this does not matter any more.
      if (client.connected) client.unsubscribe(filter, () => {});
    },
  };
}

const offline = 'The broker is out of reach; the connection to it is tried again.';

function listenTo(client: MqttClient, prefix: string, events: CourierEvents): () => void {
  const onMessage = (topic: string, payload: Buffer): void => {
    if (!topic.startsWith(prefix)) return;
    const from = deviceId.safeParse(topic.slice(prefix.length));
    if (from.success) events.onMessage(from.data, payload);
  };
  const onClose = (): void => events.onLost(new CutpointError('CUT_CONNECTION_LOST', offline));
  sendAtOnce(client);
  const onConnect = (): void => sendAtOnce(client);
  client.on('connect', onConnect);
  client.on('message', onMessage);
  client.on('close', onClose);
  return () => {
    client.off('connect', onConnect);
    client.off('message', onMessage);
    client.off('close', onClose);
  };
}

/** Small messages each way, as acknowledgements are, would else wait for one another: 40 ms and more for each. */
function sendAtOnce({ stream }: MqttClient): void {
  if (stream instanceof Socket) stream.setNoDelay(true);
}

async function subscribe(client: MqttClient, filter: string, timeoutMs: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new CutpointError('CUT_UNREACHABLE', `The broker did not answer within ${timeoutMs} ms.`));
    }, timeoutMs);
    client.subscribe(filter, { qos }, (thrown, granted) => {
      clearTimeout(timer);
      if (thrown == null && granted?.every((grant) => grant.qos < 128) !== false) resolve();
      else reject(new CutpointError('CUT_FORBIDDEN', `The broker does not let this device listen to ${filter}.`));
    });
  });
}
