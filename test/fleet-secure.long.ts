import { spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { type RequestOptions, request as requestHttps } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type AdministrationRequest,
  askLocally,
  clientTlsOf,
  type DeviceIdentity,
  deviceId,
  loadIdentity,
  openConnection,
  pairDevice,
  saveIdentity,
} from '@cutpoint/control';
import { connect } from '@cutpoint/wire';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cutpoint, type Process, until } from './processes.testing.js';

const faketime = '/usr/bin/faketime';
const limitMs = 240_000;
const none: ReadonlySet<string> = new Set();
const json = ['--json', '--log-format', 'json'];

let folder = '';
let server: Process;
/** What the server said when it was ready. */
let at: { broker: string; api: string; wire: string };
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-secure-'));
  const addresses = ['--mqtt', 'mqtts://127.0.0.1:0', '--http', 'https://127.0.0.1:0', '--listen', 'wss://127.0.0.1:0'];
  server = cutpoint(['serve', '--fleet', folder, ...addresses, ...json]);
  const wire = await server.url();
  const said = (msg: string) => server.log().find((line) => line.msg === msg);
  at = { wire, broker: String(said('fleet')?.broker), api: String(said('http')?.url) };
}, 60_000);
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const stateOf = (device: string) => join(folder, `of-${device}`);

async function run(...args: readonly string[]): Promise<Record<string, unknown>> {
  await using done = cutpoint([...args, '--json']);
  const status = await done.exit();
  if (status !== 0) throw new Error(`${args.join(' ')} ended with ${status}: ${done.stderr}`);
  return JSON.parse(done.stdout) as Record<string, unknown>;
}

/** Pairs a device by the verbs, as people do. */
async function pairByVerbs(device: string): Promise<DeviceIdentity> {
  const { code, url } = await run('pair', '--new', '--name', device, '--state', folder);
  expect(url).toBe(at.api);
  await run('pair', String(url), String(code), '--state', stateOf(device));
  const identity = loadIdentity(join(stateOf(device), 'device'));
  if (identity === undefined) throw new Error('nothing was saved');
  return identity;
}

/** Asks the running server what its verbs would ask, without a process for each. */
async function ask(asked: AdministrationRequest): Promise<Record<string, unknown>> {
  const answer = await askLocally(join(folder, 'server'), asked, AbortSignal.timeout(30_000));
  if (answer === undefined) throw new Error('no server runs');
  return answer as Record<string, unknown>;
}

/** Does what both verbs do. */
async function pair(name: string): Promise<DeviceIdentity> {
  const { code } = await ask({ action: 'offer', device: deviceId.parse(name) });
  const { identity } = await pairDevice({ url: at.api, code: String(code), signal: AbortSignal.timeout(30_000) });
  saveIdentity(join(stateOf(name), 'device'), identity);
  return identity;
}

const revoke = (name: string) => ask({ action: 'revoke-device', device: deviceId.parse(name) });

const agentPorts = ['--listen', 'ws://127.0.0.1:0', '--fleet-listen', 'wss://127.0.0.1:0', ...json];

/** Starts an agent that knows nothing but its state folder. */
function agentOf(device: string, env: Readonly<Record<string, string>> = {}): Process {
  return cutpoint(['agent', '--state', stateOf(device), ...agentPorts], env);
}

/** What shifts the clock of a process. Not by the command itself, which would stay between us and the process. */
function clockOff(by: string): Record<string, string> {
  const text = spawnSync(faketime, ['-f', by, 'env'], { encoding: 'utf8' }).stdout;
  const [, library = ''] = /^LD_PRELOAD=(.*)$/m.exec(text) ?? [];
  return { LD_PRELOAD: library, FAKETIME: by, FAKETIME_DONT_FAKE_MONOTONIC: '1' };
}

const said = (process: Process, msg: string) => process.log().filter((line) => line.msg === msg);
const statusOf = (device: string) =>
  server
    .log()
    .filter((line) => line.msg === 'device' && line.device === device)
    .at(-1)?.status;
const refusals = (code: string) => server.log().filter((line) => line.code === code);

const serialOf = ({ certificate }: DeviceIdentity) => new X509Certificate(certificate).serialNumber;

function request(url: string, options: RequestOptions): Promise<{ status: number | undefined }> {
  return new Promise((resolve, reject) => {
    const call = requestHttps(url, { ...options, agent: false }, (response) => {
      response.resume();
      resolve({ status: response.statusCode });
    });
    call.on('error', reject).end();
  });
}

describe('a fleet with certificates', () => {
  it(
    'takes a device that was paired with a code, over TLS alone; and throws it out when it is revoked',
    async () => {
      const pi = await pairByVerbs('pi-1');
      const other = await pair('pi-2');
      await using agent = agentOf('pi-1');
      await agent.url();
      await until(() => statusOf('pi-1') === 'online', 'the agent has joined by mqtts');
      expect(said(agent, 'joined')[0]).toMatchObject({ broker: at.broker, device: 'pi-1', fleet: 'home' });
      await until(() => said(agent, 'lease').some(({ held }) => held === true), 'it holds a lease');

      const ready = said(agent, 'ready for the fleet')[0];
      const asOther = clientTlsOf(other, none, { device: deviceId.parse('pi-1') });
      await using peer = await connect({ url: String(ready?.url), tls: asOther, connectTimeoutMs: 20_000 });
      expect(peer.remote.identity).toMatchObject({ device: 'pi-1', role: 'agent', fleet: 'home' });
      const nobody = connect({ url: String(ready?.url), tls: { check: asOther.check }, connectTimeoutMs: 20_000 });
      await expect(nobody).rejects.toMatchObject({ code: 'CUT_UNPAIRED' });
      await until(() => agent.log().some(({ code }) => code === 'CUT_UNPAIRED'), 'the agent logs who was refused');

      await using held = await connect({ url: at.wire, tls: clientTlsOf(other, none), connectTimeoutMs: 20_000 });
      const sent = performance.now();
      await run('revoke', 'pi-2', '--state', folder);
      expect(await held.closed).toMatchObject({ code: 'CUT_REVOKED' });
      expect(await peer.closed).toMatchObject({ code: 'CUT_REVOKED' });
      await run('revoke', 'pi-1', '--state', folder);
      await until(() => statusOf('pi-1') !== 'online', 'the broker has thrown it out');
      // Both verbs are processes, which take most of this on a busy machine.
      expect(performance.now() - sent).toBeLessThan(30_000);
      await until(() => agent.log().some(({ code }) => code === 'CUT_UNAUTHORISED'), 'the agent says so');
      await until(() => agent.log().some(({ code }) => code === 'CUT_REVOKED'), 'the agent says why');
      // By then both have met several times: of the same, one line a minute is enough.
      const broker = refusals('CUT_REVOKED').filter(({ msg }) => /of pi-1 was revoked/.test(String(msg)));
      const refused = agent.log().filter(({ code }) => code === 'CUT_UNAUTHORISED');
      expect([broker.length, refused.length]).toEqual([1, 1]);
      await expect(
        connect({ url: at.wire, tls: clientTlsOf(pi, none), connectTimeoutMs: 20_000 }),
      ).rejects.toMatchObject({
        code: 'CUT_REVOKED',
      });
    },
    limitMs,
  );

  it('does not revoke its own server, and says how that gets another certificate', async () => {
    await expect(revoke('server')).rejects.toMatchObject({
      code: 'CUT_USAGE',
      message: expect.stringMatching(/renews its certificate while it runs.*identity\.json/),
    });
    await expect(revoke('nobody')).rejects.toMatchObject({ code: 'CUT_NOT_FOUND' });
    const pi = await pair('pi-8');
    await using peer = await connect({ url: at.wire, tls: clientTlsOf(pi, none), connectTimeoutMs: 20_000 });
    expect(peer.remote.identity?.device).toBe('server');
  });

  it(
    'takes nobody without a certificate: neither its own agents, which say what to do, nor others',
    async () => {
      await using agent = cutpoint(['agent', '--fleet', at.broker, '--state', stateOf('nobody'), ...agentPorts]);
      expect(await agent.exit()).toBe(1);
      expect(agent.stderr).toMatch(/error CUT_UNPAIRED: .*cutpoint pair/);
      await using lost = cutpoint(['agent', '--state', stateOf('nobody'), ...agentPorts]);
      expect(await lost.exit()).toBe(2);
      expect(lost.stderr).toContain('cutpoint pair');
      const problems: string[] = [];
      await using connection = openConnection({
        url: at.broker,
        device: 'pi-9',
        tls: () => ({ check: () => ({ fleet: 'home', device: 'server', role: 'server', serial: '' }) }),
        onProblem: ({ code }) => problems.push(code),
      });
      await until(() => problems.includes('CUT_UNAUTHORISED'), 'the broker refuses it');
      expect(connection.connected).toBe(false);
      await until(() => refusals('CUT_UNPAIRED').length > 0, 'the server logs it');
    },
    limitMs,
  );

  it(
    'goes on while certificates are renewed',
    async () => {
      const pi = await pair('pi-3');
      const path = join(stateOf('pi-3'), 'device', 'identity.json');
      // As after 25 days: it is time.
      await writeFile(path, JSON.stringify({ ...pi, receivedAtMs: pi.receivedAtMs - 25 * 86_400_000 }), {
        mode: 0o600,
      });
      await using agent = agentOf('pi-3');
      await agent.url();
      await until(() => said(agent, 'the certificate of this device was renewed').length > 0, 'it has renewed');
      const renewed = loadIdentity(join(stateOf('pi-3'), 'device'));
      expect([renewed?.certificate === pi.certificate, renewed?.key === pi.key]).toEqual([false, false]);
      expect((await stat(path)).mode & 0o777).toBe(0o600);
      await until(() => statusOf('pi-3') === 'online', 'it is in the fleet');
      const url = String(said(agent, 'ready for the fleet')[0]?.url);
      const tls = clientTlsOf(await pair('pi-4'), none, { device: deviceId.parse('pi-3') });
      await using peer = await connect({ url, tls, connectTimeoutMs: 20_000 });
      const serials = [pi, renewed].map((one) => one && serialOf(one));
      expect(peer.remote.identity?.serial).toBe(serials[1]);
      expect(serials[0]).not.toBe(serials[1]);
      expect(said(agent, 'lost the broker')).toEqual([]);
    },
    limitMs,
  );

  it.runIf(existsSync(faketime)).each(['-1h', '+1h'])(
    'does not mind a clock that is off by %s',
    async (clock) => {
      const device = clock.startsWith('-') ? 'pi-5' : 'pi-6';
      await pair(device);
      await using agent = agentOf(device, clockOff(clock));
      await agent.url();
      await until(() => statusOf(device) === 'online', 'it has joined');
      await until(() => said(agent, 'lease').some(({ held }) => held === true), 'it holds a lease');
      expect(said(agent, 'lost the broker')).toEqual([]);
    },
    limitMs,
  );

  it(
    'gives its API to tokens and certificates, and to programs of this machine',
    async () => {
      const pi = await pair('pi-7');
      const { token } = await ask({ action: 'create-token', label: 'dashboard', scopes: ['read'] });
      const status = async (headers: Record<string, string>, own: { cert?: string; key?: string } = {}) =>
        (await request(`${at.api}/v1/status`, { headers, ca: pi.authority, ...own })).status;
      expect(await status({})).toBe(200);
      expect(await status({ origin: 'https://example.org' })).toBe(401);
      expect(await status({ authorization: `Bearer ${token}` })).toBe(200);
      expect(await status({ authorization: `Bearer ${token}x` })).toBe(401);
      expect(await status({}, { cert: pi.certificate, key: pi.key })).toBe(200);
      await revoke('pi-7');
      expect(await status({}, { cert: pi.certificate, key: pi.key })).toBe(401);
      const isLogged = () => refusals('CUT_REVOKED').some(({ msg }) => /certificate was refused/.test(String(msg)));
      await until(isLogged, 'its refusal is logged');
    },
    limitMs,
  );
});
