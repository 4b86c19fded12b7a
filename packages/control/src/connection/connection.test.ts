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

it('leaves longer and longer pauses to another client that takes its name from it', async () => {
  const refused = () => {};
  await using broker = await openBroker({ fleet, listen: { host: '127.0.0.1', port: 0 }, onRefused: refused });
  const open = () => openConnection({ url: broker.url, device: 'pi-1', onProblem: refused });
  await using one = open();
  await using other = open();
  let ups = 0;
  for (const connection of [one, other]) connection.onUp(() => ups++);
  await sleep(4_000);
  // Each is up again at once, after 0.1, 0.2, 0.4, 0.8 and 1.6 s at the most; without that, some ten times a second.
  expect(ups).toBeGreaterThanOrEqual(4);
  expect(ups).toBeLessThanOrEqual(16);
}, 60_000);
