import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { CutpointError } from '@cutpoint/core';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { fleet, freePort, mosquittoPath, runMosquitto, serverNames, until } from '../brokers.testing.js';
import { makeAuthority, type Pem, type TestAuthority } from '../certificates.testing.js';
import { type ConnectionOptions, openConnection } from '../connection/connection.js';
import { deviceId } from '../ids.js';
import { fleetRoot, topicOf } from '../topics.js';
import { openBroker } from './broker.js';
import { brokerConfig } from './broker-config.js';
import type { BrokerIdentity } from './topic-rights.js';

const pi = deviceId.parse('pi-1');
const other = deviceId.parse('pi-2');
const [serverName = pi] = serverNames;
let authority: TestAuthority;
let foreign: TestAuthority;
let certificates: Record<'server' | 'pi' | 'foreign' | 'stranger', Pem>;
beforeAll(async () => {
  authority = await makeAuthority();
  foreign = await makeAuthority();
  certificates = {
    server: await authority.issue(serverName),
    pi: await authority.issue(pi),
    stranger: await authority.issue('Not_a_device'),
    foreign: await foreign.issue(pi),
  };
});

let opened: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of opened.reverse()) await one[Symbol.asyncDispose]();
  opened = [];
});

function join(url: string, device: string, own: Pem, options: Partial<ConnectionOptions> = {}) {
  const problems: string[] = [];
  const tls = () => ({ ...own, ca: authority.ca });
  const onProblem = ({ code }: { code: string }) => problems.push(code);
  const connection = openConnection({ url, device, tls, maxBackoffMs: 60_000, onProblem, ...options });
  opened.push(connection);
  return { connection, problems };
}

function identify(socket: TLSSocket): BrokerIdentity {
  if (!socket.authorized) throw new CutpointError('CUT_UNPAIRED', 'Its certificate is not by our authority.');
  const name = deviceId.safeParse(socket.getPeerCertificate().subject.CN).data;
  if (name === undefined) throw new CutpointError('CUT_UNPAIRED', 'Its certificate names no device.');
  return { fleet, device: name, role: name === serverName ? 'server' : 'agent' };
}

async function openEmbedded() {
  const refusals: string[] = [];
  const broker = await openBroker({
    fleet,
    listen: { host: '127.0.0.1', port: 0 },
    tls: { ...certificates.server, ca: authority.ca, identify },
    onRefused: ({ error }) => refusals.push(error.message),
  });
  opened.push(broker);
  return { url: broker.url, refusals };
}

async function openMosquitto() {
  const port = await freePort();
  const files = (folder: string) => [
    ...brokerConfig('mosquitto', { fleet, servers: serverNames, port, folder }),
    { name: 'authority.pem', text: authority.ca },
    { name: 'broker.pem', text: certificates.server.cert },
    { name: 'broker.key', text: certificates.server.key },
  ];
  opened.push(await runMosquitto(port, files));
  return { url: `mqtts://127.0.0.1:${port}`, refusals: undefined };
}

const kinds = [
  { name: 'the embedded broker', open: openEmbedded, skip: false },
  {
    name: `Mosquitto with the files of brokerConfig${mosquittoPath === undefined ? ' (left out: it is not installed)' : ''}`,
    open: openMosquitto,
    skip: mosquittoPath === undefined,
  },
];

for (const kind of kinds) {
  describe.skipIf(kind.skip)(`with certificates, ${kind.name}`, () => {
    it('knows devices and servers by them', async () => {
      const { url } = await kind.open();
      const server = join(url, serverName, certificates.server);
      const device = join(url, pi, certificates.pi);
      const heard: string[] = [];
      server.connection.subscribe([`${fleetRoot(fleet)}#`], ({ topic }) => heard.push(topic));
      for (const { connection } of [server, device]) await connection.untilUp(AbortSignal.timeout(20_000));
      device.connection.send(topicOf(fleet, other, 'telemetry'), {});
      await sleep(200);
      expect(heard).toEqual([]);
    });

    it('lets nobody in without one, with one of another authority, or under another name', async () => {
      const { url, refusals } = await kind.open();
      const { key, cert } = certificates.foreign;
      const tried = [
        join(url, pi, { key, cert }),
        join(url, pi, { key: '', cert: '' }),
        ...(kind.skip || refusals === undefined
          ? []
          : [join(url, other, certificates.pi), join(url, 'pi-9', certificates.stranger)]),
      ];
      for (const { connection, problems } of tried) {
        await until('refused', () => problems.length > 0);
        expect(connection.connected).toBe(false);
      }
      if (refusals === undefined) return;
      await until('told', () => refusals.length >= 4);
      expect(refusals.filter((message) => /not by our authority/.test(message))).toHaveLength(2);
      expect(refusals.some((message) => /client id is "pi-2"/.test(message))).toBe(true);
      expect(refusals.some((message) => /names no device/.test(message))).toBe(true);
    });
  });
}

describe('files for other brokers', () => {
  it('name servers and give devices their own topics, for Mosquitto and EMQX', () => {
    const options = { fleet, servers: serverNames, port: 7483, folder: '/etc/cutpoint' };
    const [, acl] = brokerConfig('mosquitto', options);
    expect(acl?.text).toContain('user srv-1\ntopic readwrite cutpoint/1/test/#\n');
    expect(acl?.text).toContain('pattern write cutpoint/1/test/tensors/+/%u\n');
    const [conf, rules] = brokerConfig('emqx', options);
    expect(conf?.text).toContain('peer_cert_as_clientid = cn');
    expect(rules?.text.trimEnd().split('\n').at(-1)).toBe('{deny, all}.');
    expect(rules?.text).toContain(`"cutpoint/1/test/devices/\${username}/lease"`);
  });
});

it('says in words that a client came without TLS', async () => {
  const { url, refusals } = await openEmbedded();
  const socket = net.connect(Number(new URL(url).port), '127.0.0.1');
  opened.push({ [Symbol.asyncDispose]: async () => void socket.destroy() });
  socket.on('error', () => {}).end(Buffer.from([0x10, 12, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 60, 0, 0]));
  await until('a refusal', () => refusals.length > 0);
  expect(refusals).toEqual(['A client spoke to the broker without TLS: it takes mqtts:// and paired devices alone.']);
});
