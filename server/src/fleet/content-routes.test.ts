import { mkdtempSync, rmSync } from 'node:fs';
import { type RequestOptions, request as requestHttps } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { askLocally, ContentStore, type DeviceIdentity, deviceId, pairDevice } from '@cutpoint/control';
import { openLog } from '@cutpoint/daemon';
import type { HttpServer } from '@cutpoint/http';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ExampleModels, startTestHttp } from '../http/http.testing.js';
import { contentRoutes } from './content-routes.js';
import { type FleetSecurity, openFleetSecurity } from './fleet-security.js';

const log = openLog({ name: 'test', level: 'silent', format: 'json' });
/** More than the buffers of a connection hold. */
const fileBytes = 48_000_000;

let folder: string;
let security: FleetSecurity;
let http: HttpServer;
let path: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cutpoint-content-'));
  security = await openFleetSecurity({ folder, device: deviceId.parse('server'), log });
  const store = await ContentStore.open({ folder: join(folder, 'content'), maxBytes: 1e9 });
  using file = await store.put(zeros(fileBytes), { maxBytes: fileBytes });
  path = `/v1/content/${file.hash}`;
  const { tls, intercept, verifyToken, verifyCertificate } = security.http(true);
  http = await startTestHttp(new ExampleModels(), {
    ...(tls !== undefined && { tls }),
    intercept,
    access: { verifyToken, verifyCertificate },
    extend: contentRoutes(store, log),
  });
  security.guard({ renew: (own) => http.renew(own), revoked: () => void http.recheck() });
}, 30_000);
afterEach(async () => {
  await http[Symbol.asyncDispose]();
  await security[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

async function* zeros(bytes: number): AsyncIterable<Buffer> {
  for (let left = bytes; left > 0; left -= 1_000_000) yield Buffer.alloc(Math.min(left, 1_000_000));
}

async function pair(name: string): Promise<DeviceIdentity> {
  const { code } = await security.server.desk.open({ device: deviceId.parse(name) });
  return (await pairDevice({ url: http.url, code, signal: AbortSignal.timeout(30_000) })).identity;
}

/** A transfer that has begun, and is not read until it is told to be. */
interface Transfer {
  readonly status: number | undefined;
  /** How many bytes came until it ended. */
  readAll(): Promise<number>;
  destroy(): void;
}

function begin(identity: DeviceIdentity, options: RequestOptions = {}): Promise<Transfer> {
  const { certificate: cert, key } = identity;
  return new Promise((resolve, reject) => {
    const call = requestHttps(http.url + path, { cert, key, rejectUnauthorized: false, agent: false, ...options });
    call.on('response', (response) => {
      response.on('error', () => undefined);
      const readAll = () =>
        new Promise<number>((ended) => {
          let bytes = 0;
          response.on('data', (part: Buffer) => {
            bytes += part.length;
          });
          response.on('close', () => ended(bytes));
        });
      resolve({ status: response.statusCode, readAll, destroy: () => call.destroy() });
    });
    call.on('error', reject).end();
  });
}

it('a device that is revoked gets nothing more of what it was reading', async () => {
  const [lost, other] = [await pair('lost'), await pair('pi-1')];
  const [ends, goesOn] = [await begin(lost), await begin(other)];
  expect([ends.status, goesOn.status]).toEqual([200, 200]);
  await askLocally(folder, { action: 'revoke-device', device: lost.device }, AbortSignal.timeout(20_000));
  expect(await ends.readAll()).toBeLessThan(fileBytes);
  expect(await goesOn.readAll()).toBe(fileBytes);
}, 60_000);

it('a device that reads nothing of very many transfers takes no other its own', async () => {
  const [greedy, other] = [await pair('greedy'), await pair('pi-1')];
  const begun = await Promise.all(Array.from({ length: 70 }, () => begin(greedy)));
  try {
    expect(begun.filter(({ status }) => status === 200)).toHaveLength(8);
    expect(await (await begin(other)).readAll()).toBe(fileBytes);
  } finally {
    for (const transfer of begun) transfer.destroy();
  }
}, 60_000);
