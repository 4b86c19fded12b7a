import { deviceId } from '@cutpoint/control';
import { expect, it } from 'vitest';
import { fleetAdmin } from './fleet-admin.js';

it('counts devices that run something and were not heard since the server started as away, and revoked ones as neither', async () => {
  const [here, unheard, lost] = ['pi-1', 'pi-2', 'pi-3'].map((name) => deviceId.parse(name));
  if (here === undefined || unheard === undefined || lost === undefined) throw new Error('names');
  const view = (device: string) => ({ device, status: 'online', statusMs: 1.4, quietMs: 0, addresses: [] });
  const seen = [view(here), view(lost)];
  const admin = fleetAdmin({
    name: 'home',
    fleet: { devices: () => seen, device: (id: string) => seen.find(({ device }) => device === id) },
    deployer: { active: new Map([here, unheard].map((device) => [device, []])), status: {}, leftMs: undefined },
    isRevoked: (device: string) => device === lost,
    notes: () => [],
  } as unknown as Parameters<typeof fleetAdmin>[0]);
  const counted = { online: 1, offline: 1, away: [unheard], revoked: [lost] };
  expect(admin.figures().devices).toEqual(counted);
  expect((await admin.devices()).map(({ device, status }) => [device, status])).toEqual([
    [here, 'online'],
    [lost, 'revoked'],
  ]);
});
