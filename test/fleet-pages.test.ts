import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AdministrationRequest, askLocally, deviceId } from '@cutpoint/control';
import { connect } from '@cutpoint/wire';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { newIdentity, openPage, type TestPage } from '../server/src/fleet/pages.testing.js';
import { cutpoint, type Process, until } from './processes.testing.js';

const json = ['--json', '--log-format', 'json'];

/** A server of a fleet whose devices are paired, on loopback. */
class PairedFleet implements AsyncDisposable {
  readonly folder: string;
  server!: Process;
  http = '';
  #mqtt = 'mqtts://127.0.0.1:0';
  #token: string | undefined;
  #api = 'https://127.0.0.1:0';

  constructor(folder: string) {
    this.folder = folder;
  }

  async start(): Promise<void> {
    const addresses = ['--mqtt', this.#mqtt, '--http', this.#api, '--listen', 'wss://127.0.0.1:0'];
    this.server = cutpoint(['serve', '--fleet', this.folder, ...addresses, ...json]);
    await this.server.url();
    const said = (msg: string) => this.server.log().find((line) => line.msg === msg);
    this.http = this.#api = String(said('http')?.url);
    this.#mqtt = String(said('fleet')?.broker);
  }

  async ask(asked: AdministrationRequest): Promise<Record<string, unknown>> {
    const answer = await askLocally(join(this.folder, 'server'), asked, AbortSignal.timeout(30_000));
    return answer as Record<string, unknown>;
  }

  async code(name?: string): Promise<string> {
    const { code } = await this.ask({ action: 'offer', ...(name !== undefined && { device: deviceId.parse(name) }) });
    return String(code);
  }

  async devices(): Promise<Record<string, { status: string; facts: Record<string, unknown> }>> {
    this.#token ??= String((await this.ask({ action: 'create-token', label: 'test', scopes: ['read'] })).token);
    const headers = { authorization: `Bearer ${this.#token}` };
    const asked = request(new URL('/v1/devices', this.http), {
      rejectUnauthorized: false,
      agent: false,
      headers,
    }).end();
    const [answer] = (await once(asked, 'response')) as [AsyncIterable<Buffer>];
    let text = '';
    for await (const part of answer) text += part;
    const { devices } = JSON.parse(text);
    return Object.fromEntries(devices.map((one: { device: string }) => [one.device, one]));
  }

  async statusOf(device: string): Promise<string | undefined> {
    return (await this.devices())[device]?.status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
  }
}

let folder = '';
let fleet: PairedFleet;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-pages-'));
  fleet = new PairedFleet(join(folder, 'state'));
  await fleet.start();
}, 60_000);
afterAll(async () => {
  await fleet[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const kinds = ({ states }: TestPage) => states.map(({ kind }) => kind);
const joined = (page: TestPage) => until(() => kinds(page).at(-1) === 'joined', 'the page has joined');
const refusal = async (page: TestPage) => {
  await until(() => kinds(page).at(-1) === 'refused', 'the page is refused');
  const last = page.states.at(-1);
  return last?.kind === 'refused' ? last.error : undefined;
};

describe('a page in a fleet whose devices are paired', () => {
  it('pairs by a code, is seen with its facts, beats, and is gone at once when it leaves', async () => {
    const identity = await newIdentity();
    await using page = openPage({ http: fleet.http, identity, wish: { name: 'phone', code: await fleet.code() } });
    await joined(page);
    await until(() => page.member.leased, 'it has a lease');
    await until(async () => (await fleet.statusOf('phone')) === 'online', 'it is seen');
    const { phone } = await fleet.devices();
    expect(phone?.facts).toMatchObject({ cores: 4, browser: { name: 'Test 1' } });
    await page.member.leave();
    await until(async () => (await fleet.statusOf('phone')) === 'offline', 'it is gone', 3_000);

    await using again = openPage({ http: fleet.http, identity });
    await joined(again);
    await until(async () => (await fleet.statusOf('phone')) === 'online', 'the same device is back');
  }, 60_000);

  it('comes back as the same device after a lost connection and a restart of the server, and is away meanwhile', async () => {
    const identity = await newIdentity();
    await using page = openPage({ http: fleet.http, identity, wish: { name: 'tablet', code: await fleet.code() } });
    await joined(page);
    page.cut();
    await until(() => kinds(page).includes('away'), 'it notices');
    await joined(page);
    await until(async () => (await fleet.statusOf('tablet')) === 'online', 'it is there again');
    await fleet[Symbol.asyncDispose]();
    await until(() => kinds(page).at(-1) === 'away', 'it notices that the server is gone');
    await fleet.start();
    await joined(page);
    await until(async () => (await fleet.statusOf('tablet')) === 'online', 'it is known to the new server');
    page.freeze();
    await until(async () => (await fleet.statusOf('tablet')) === 'silent', 'it does not beat');
    await until(async () => (await fleet.statusOf('tablet')) === 'offline', 'it answers nothing', 12_000);
  }, 90_000);

  it('is refused by what it is not: another page, a code that was used, a name that is taken', async () => {
    const identity = await newIdentity();
    const code = await fleet.code();
    await using page = openPage({ http: fleet.http, identity, wish: { name: 'owner', code } });
    await joined(page);
    const thief = { ...(await newIdentity()), certificate: identity.certificate };
    await using posing = openPage({ http: fleet.http, identity: thief });
    expect(await refusal(posing)).toMatchObject({ code: 'CUT_UNPAIRED', message: expect.stringContaining('owner') });
    await using used = openPage({ http: fleet.http, identity: await newIdentity(), wish: { name: 'other', code } });
    expect(await refusal(used)).toMatchObject({ code: 'CUT_PAIRING', message: expect.stringContaining('used') });
    const taken = { name: 'owner', code: await fleet.code() };
    await using second = openPage({ http: fleet.http, identity: await newIdentity(), wish: taken });
    expect(await refusal(second)).toMatchObject({ code: 'CUT_PAIRING', message: expect.stringContaining('owner') });
    expect(kinds(page).at(-1)).toBe('joined');
  }, 60_000);

  it('is told when it is revoked, refused from then on, and let in again by a new code', async () => {
    const identity = await newIdentity();
    await using page = openPage({ http: fleet.http, identity, wish: { name: 'lost', code: await fleet.code() } });
    await joined(page);
    await fleet.ask({ action: 'revoke-device', device: deviceId.parse('lost') });
    expect(await refusal(page)).toMatchObject({ code: 'CUT_REVOKED' });
    await until(async () => (await fleet.statusOf('lost')) === 'revoked', 'it is gone', 3_000);
    await using again = openPage({ http: fleet.http, identity });
    expect(await refusal(again)).toMatchObject({ code: 'CUT_REVOKED' });
    await using found = openPage({ http: fleet.http, identity, wish: { code: await fleet.code('lost') } });
    await joined(found);
  }, 60_000);

  it('has one connection: a second tab takes it over, and the first does not fight for it', async () => {
    const identity = await newIdentity();
    await using first = openPage({ http: fleet.http, identity, wish: { name: 'tabs', code: await fleet.code() } });
    await joined(first);
    await using second = openPage({ http: fleet.http, identity });
    await joined(second);
    expect(await refusal(first)).toMatchObject({
      code: 'CUT_CONNECTION_LOST',
      message: expect.stringContaining('tab'),
    });
    await until(async () => (await fleet.statusOf('tabs')) === 'online', 'the second is there');
  }, 60_000);

  it('may read with the token of its connection for as long as that lasts, and not deploy', async () => {
    const identity = await newIdentity();
    const page = openPage({ http: fleet.http, identity, wish: { name: 'reader', code: await fleet.code() } });
    await joined(page);
    const last = page.states.at(-1);
    const token = last?.kind === 'joined' ? last.token : '';
    expect(await statusWith(token, 'GET', '/v1/devices')).toBe(200);
    expect(await statusWith(token, 'POST', '/v1/devices/reader/forget')).not.toBe(200);
    await page.member.leave();
    await until(async () => (await statusWith(token, 'GET', '/v1/devices')) === 401, 'the token is no good any more');
  }, 60_000);

  it('loses the connection that requests use with its token: when it is revoked, and when it left', async () => {
    const url = `${fleet.http.replace('https', 'wss')}/page/wire`;
    const tls = { ca: await readFile(join(fleet.folder, 'server', 'authority.pem'), 'utf8') };
    const ask = { method: 'no-such-method', meta: {} };
    for (const end of ['revoked', 'left']) {
      const wish = { name: `asker-${end}`, code: await fleet.code() };
      await using page = openPage({ http: fleet.http, identity: await newIdentity(), wish });
      await joined(page);
      const last = page.states.at(-1);
      const token = last?.kind === 'joined' ? last.token : '';
      await using peer = await connect({ url, token, tls, connectTimeoutMs: 5_000 });
      await expect(peer.request(ask, { deadlineMs: 5_000 })).rejects.not.toMatchObject({ code: 'CUT_CONNECTION_LOST' });
      if (end === 'left') await page.member.leave();
      else await fleet.ask({ action: 'revoke-device', device: deviceId.parse(wish.name) });
      expect(await peer.closed).toMatchObject({ code: 'CUT_CONNECTION_LOST' });
    }
  }, 60_000);

  it.each([
    ['another site', 'https://evil.example'],
    ['no site', undefined],
  ])('is not opened for a page of %s', async (_, origin) => {
    const socket = new WebSocket(`${fleet.http.replace('https', 'wss')}/v1/fleet/page`, {
      rejectUnauthorized: false,
      ...(origin !== undefined && { origin }),
    });
    const [error] = await once(socket, 'error');
    expect(String(error)).toContain('403');
  });

  it('ends the connection of whoever talks out of turn, floods, or writes to channels of the server', async () => {
    const identity = await newIdentity();
    await using page = openPage({ http: fleet.http, identity, wish: { name: 'chatty', code: await fleet.code() } });
    await joined(page);
    page.say({ type: 'channel', channel: 'desired', message: { generation: 9, assignments: [] } });
    expect(await refusal(page)).toMatchObject({ code: 'CUT_FORBIDDEN' });
    await using babbler = openPage({ http: fleet.http, identity });
    await joined(babbler);
    babbler.say({ type: 'channel', channel: 'presence', message: { online: 'perhaps' } });
    expect(await refusal(babbler)).toMatchObject({ code: 'CUT_WIRE_MALFORMED' });
    await using flood = openPage({ http: fleet.http, identity });
    await joined(flood);
    for (let beat = 0; beat < 1_000; beat++) {
      const message = { session: 'f'.repeat(32), beat, memoryBytes: 1, freeMemoryBytes: 1, cpuShare: 0, links: [] };
      const requests = { done: 0, failed: 0, underWay: 0 };
      flood.say({ type: 'channel', channel: 'telemetry', message: { ...message, requests } });
    }
    await until(() => flood.problems.some(({ code }) => code === 'CUT_OVERLOADED'), 'it is cut off');
  }, 60_000);
});

async function statusWith(token: string, method: string, path: string): Promise<number | undefined> {
  const headers = { authorization: `Bearer ${token}` };
  const asked = request(new URL(path, fleet.http), { method, rejectUnauthorized: false, agent: false, headers }).end();
  const [answer] = (await once(asked, 'response')) as [NodeJS.ReadableStream & { statusCode?: number }];
  answer.resume();
  return answer.statusCode;
}

describe('a page where devices are not paired', () => {
  it('joins by its name, but not by that of the server, nor under another host name of this machine', async () => {
    const server = cutpoint([
      'serve',
      '--fleet',
      join(folder, 'plain'),
      '--mqtt',
      'mqtt://127.0.0.1:0',
      '--http',
      '127.0.0.1:0',
      '--listen',
      'ws://127.0.0.1:0',
      ...json,
    ]);
    await using _ = server;
    await server.url();
    const http = String(server.log().find((line) => line.msg === 'http')?.url);
    const identity = await newIdentity();
    await using page = openPage({ http, identity, wish: { name: 'kiosk' } });
    await joined(page);
    await using posing = openPage({ http, identity, wish: { name: 'server' } });
    expect(await refusal(posing)).toMatchObject({ code: 'CUT_PAIRING' });
    await using nameless = openPage({ http, identity });
    expect(await refusal(nameless)).toMatchObject({ code: 'CUT_USAGE' });
    const { port } = new URL(http);
    const rebound = new WebSocket(`${http.replace('http', 'ws')}/v1/fleet/page`, {
      origin: `http://evil.example:${port}`,
      headers: { host: `evil.example:${port}` },
    });
    const [error] = await once(rebound, 'error');
    expect(String(error)).toContain('403');
  }, 60_000);
});
