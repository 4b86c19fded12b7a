import { afterEach, beforeEach, expect, it } from 'vitest';
import { until } from '../brokers.testing.js';
import { type BrokerConnection, openConnection } from '../connection/connection.js';
import { brokerTlsOf, type DeviceIdentity } from '../identity/device-identity.js';
import { startFleet, type TestFleet } from '../identity/fleets.testing.js';
import { type Broker, openBroker } from './broker.js';

let fleet: TestFleet;
let broker: Broker;
let refused: { code: string; message: string }[];
let opened: AsyncDisposable[];
beforeEach(async () => {
  [refused, opened] = [[], []];
  fleet = await startFleet();
  broker = await openBroker({
    fleet: fleet.server.identities.fleet,
    listen: { host: '127.0.0.1', port: 0 },
    tls: fleet.server.brokerTls(),
    onRefused: ({ error }) => refused.push(error),
  });
});
afterEach(async () => {
  for (const one of [...opened, broker, fleet]) await one[Symbol.asyncDispose]();
});

interface Joined {
  readonly connection: BrokerConnection;
  readonly problems: readonly { readonly code: string; readonly message: string }[];
}

function join(identity: DeviceIdentity, url = broker.url, tls = () => brokerTlsOf(identity, new Set())): Joined {
  const problems: { code: string; message: string }[] = [];
  const onProblem = (error: { code: string; message: string }) => problems.push(error);
  const connection = openConnection({ url, device: identity.device, tls, maxBackoffMs: 200, onProblem });
  opened.push(connection);
  return { connection, problems };
}

const up = ({ connection }: Joined) => connection.untilUp(AbortSignal.timeout(10_000));

it('a device of the fleet is let in under its own name; once it is revoked its connection ends, and it stays out', async () => {
  const pi = await fleet.pair('pi-1');
  const joined = join(pi);
  const other = join(await fleet.pair('pi-2'));
  await Promise.all([up(joined), up(other)]);
  using _ = fleet.server.identities.onRevoked((device) => broker.disconnect(device));
  fleet.server.identities.revoke(pi.device);
  await until('it is out', () => !joined.connection.connected);
  await until('it is told', () => joined.problems.some(({ code }) => code === 'CUT_UNAUTHORISED'));
  expect(refused[0]).toMatchObject({ code: 'CUT_REVOKED', message: expect.stringContaining('pi-1') });
  expect([joined.connection.connected, other.connection.connected]).toEqual([false, true]);
}, 30_000);

it('certificates that begin in the future, because this clock is behind, are good on both sides', async () => {
  await using later = await startFleet({ nowMs: () => Date.now() + 20 * 86_400_000 });
  const { fleet: name } = later.server.identities;
  const ahead = await openBroker({
    ...{ fleet: name, listen: { host: '127.0.0.1', port: 0 }, onRefused: () => {} },
    tls: later.server.brokerTls(),
  });
  opened.push(ahead);
  await up(join(await later.pair('pi-1'), ahead.url));
}, 30_000);

it('a device that calls itself by the name of another is refused', async () => {
  const pi = await fleet.pair('pi-1');
  const tls = () => brokerTlsOf(pi, new Set());
  const liar = join({ ...pi, device: (await fleet.pair('pi-2')).device }, broker.url, tls);
  await until('it is refused', () => liar.problems.some(({ code }) => code === 'CUT_UNAUTHORISED'));
  expect(refused.map(({ message }) => message).join()).toContain('must be the name of the device, pi-1');
}, 30_000);

it('a device that was told a broker is revoked, or finds somebody else there, says nothing to it', async () => {
  const pi = await fleet.pair('pi-1');
  const camera = await fleet.pair('camera');
  const impostor = await openBroker({
    fleet: pi.fleet,
    listen: { host: '127.0.0.1', port: 0 },
    tls: { ...fleet.server.brokerTls(), cert: camera.certificate, key: camera.key },
    onRefused: () => {},
  });
  opened.push(impostor);
  const fooled = join(pi, impostor.url);
  await until('it is refused', () => fooled.problems.some(({ code }) => code === 'CUT_CERTIFICATE'));
  expect(impostor.clientCount).toBe(0);
  const { serials } = fleet.server.identities.revoke((await fleet.pair('lost')).device);
  expect(serials).toHaveLength(1);
  const [own] = fleet.server.store.devices.certificatesOf(pi.serverDevice);
  const told = join(pi, broker.url, () => brokerTlsOf(pi, new Set([own?.serial ?? ''])));
  await until('it is refused', () => told.problems.some(({ code }) => code === 'CUT_REVOKED'));
}, 30_000);

it('shows its new certificate to whoever connects from then on', async () => {
  const pi = await fleet.pair('pi-1');
  const serials: string[] = [];
  const tls = () => {
    const { check, ...rest } = brokerTlsOf(pi, new Set());
    return {
      ...rest,
      check: (shown: Parameters<NonNullable<typeof check>>[0]) => {
        serials.push(shown.certificate?.serialNumber ?? '');
        return check?.(shown) ?? { fleet: '', device: '', role: '', serial: '' };
      },
    };
  };
  await up(join(pi, broker.url, tls));
  await using later = await startFleet();
  broker.renew(later.server.brokerTls());
  const fooled = join(await fleet.pair('pi-2'), broker.url);
  await until('the certificate is another', () => fooled.problems.some(({ code }) => code === 'CUT_UNPAIRED'));
  broker.renew(fleet.server.brokerTls());
  await up(fooled);
  expect(new Set(serials).size).toBe(1);
}, 30_000);
