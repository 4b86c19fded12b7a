import { expect, it } from 'vitest';
import { fleet } from '../brokers.testing.js';
import type { BrokerConnection, Delivery } from '../connection/connection.js';
import { revokedError } from '../identity/revoked.js';
import { deviceId } from '../ids.js';
import { tensorTopic } from '../topics.js';
import { mqttCourier } from './mqtt-courier.js';

it('takes no tensors from a device that was revoked, though its broker lets it publish', () => {
  const [own, lost, other] = [deviceId.parse('box'), deviceId.parse('lost'), deviceId.parse('pi')];
  let deliver = (_: Delivery): void => {};
  const connection = {
    subscribe: (_: readonly string[], listener: (delivery: Delivery) => void) => {
      deliver = listener;
    },
    onDown: () => {},
  } as unknown as BrokerConnection;
  const refused: string[] = [];
  const courier = mqttCourier(connection, {
    ...{ fleet, device: own },
    refusal: (from) => (from === lost ? revokedError(from) : undefined),
    onRefused: ({ code }) => refused.push(code),
  });
  const taken: string[] = [];
  courier.start({ onMessage: (from) => taken.push(from), onLost: () => {} });
  for (const from of [lost, other]) {
    deliver({ topic: tensorTopic(fleet, own, from), payload: new Uint8Array(4) } as Delivery);
  }
  expect([taken, refused]).toEqual([['pi'], ['CUT_REVOKED']]);
});
