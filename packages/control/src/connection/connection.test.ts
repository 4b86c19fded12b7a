import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { openBroker } from '../broker/broker.js';
import { deviceId, fleetId } from '../ids.js';
import { topicOf } from '../topics.js';
import { openConnection } from './connection.js';

const fleet = fleetId.parse('test');
const server = deviceId.parse('server');
const tries = 40;

it('hears what was subscribed to at any moment while it was connecting', async () => {
  const refused = () => {};
  await using broker = await openBroker({ fleet, listen: { host: '127.0.0.1', port: 0 }, onRefused: refused });
  const address = { url: broker.url, device: server, password: broker.serverPassword };
  await using teller = openConnection({ ...address, onProblem: refused });
  await teller.untilUp(AbortSignal.timeout(20_000));
  for (let i = 0; i < tries; i += 1) {
    const device = deviceId.parse(`pi-${i}`);
    await using hearer = openConnection({ url: broker.url, device, onProblem: refused });
    const heard = new Set<string>();
    const hear = (channel: 'lease' | 'command') =>
      hearer.subscribe([topicOf(fleet, device, channel)], ({ topic }) => heard.add(topic));
    hear('lease');
    await sleep(i / 2);
    hear('command');
    await hearer.untilUp(AbortSignal.timeout(20_000));
    for (const channel of ['lease', 'command'] as const) {
      await teller.publish(topicOf(fleet, device, channel), {}, { acknowledged: true });
      await expect.poll(() => heard.has(topicOf(fleet, device, channel)), { timeout: 5_000 }).toBe(true);
    }
  }
}, 60_000);
