import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { CutpointError } from '@cutpoint/core';
import { generate } from 'selfsigned';
import { expect, test } from 'vitest';
import { ContentFetcher } from './content-fetcher.js';
import { contentHandler } from './content-handler.js';
import type { ContentTls } from './download.js';
import { hashOf, inChunks, noise, temporaryStore } from './temporary-store.testing.js';

async function certificate(): Promise<{ cert: string; key: string }> {
  const altNames = [{ type: 7 as const, ip: '127.0.0.1' }];
  const extensions = [
    { name: 'basicConstraints' as const, cA: true },
    { name: 'subjectAltName' as const, altNames },
  ];
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'cutpoint test' }], { extensions });
  return { cert, key };
}

const bytes = noise(100_000, 3);
const file = { hash: hashOf(bytes), bytes: bytes.length };

test('over TLS both sides show who they are; nobody else gets or gives content', async () => {
  const [own, device, stranger] = await Promise.all([certificate(), certificate(), certificate()]);
  await using from = await temporaryStore();
  (await from.store.put(inChunks(bytes), { maxBytes: bytes.length }))[Symbol.dispose]();
  const options = {
    ...own,
    ca: device.cert,
    requestCert: true,
    rejectUnauthorized: true,
    minVersion: 'TLSv1.3' as const,
  };
  let asked = 0;
  const server = createServer(options, contentHandler({ store: from.store })).listen(0, '127.0.0.1');
  server.on('connection', () => {
    asked += 1;
  });
  await once(server, 'listening');
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const fetch = async (tls: ContentTls) => {
    await using to = await temporaryStore();
    const fetcher = new ContentFetcher({
      store: to.store,
      urls: () => [url],
      tls: () => tls,
      backoffMs: 1,
      maxAttempts: 3,
    });
    using hold = await fetcher.fetch(file, { deadlineMs: 20_000 });
    return hold.hash;
  };
  expect(await fetch({ ca: own.cert, ...device })).toBe(file.hash);
  asked = 0;
  await expect(fetch({ ca: stranger.cert, ...device })).rejects.toMatchObject({ code: 'CUT_TLS' });
  expect(asked).toBe(1);
  const pi = { fleet: 'home', device: 'server', role: 'server', serial: '1' };
  const hosts: (string | undefined)[] = [];
  const check = ({ host }: { host: string | undefined }) => {
    hosts.push(host);
    return pi;
  };
  expect(await fetch({ ...device, check })).toBe(file.hash);
  expect(hosts).toEqual(['127.0.0.1']);
  const refuse = () => {
    throw new CutpointError('CUT_REVOKED', 'That server was revoked.');
  };
  await expect(fetch({ ...device, check: refuse })).rejects.toMatchObject({ code: 'CUT_REVOKED' });
  // By when it is refused, TLS says why, or the server hangs up without a word.
  for (const tls of [{ ca: own.cert, ...stranger }, { ca: own.cert }]) {
    await expect(fetch(tls)).rejects.toThrow(/TLS handshake|it may not accept the certificate of this device/);
  }
  server.closeAllConnections();
  server.close();
});
