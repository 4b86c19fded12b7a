import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deviceId } from '../ids.js';
import { loadIdentity, saveIdentity } from './device-identity.js';
import { openFleetServer } from './fleet-server.js';
import { startFleet, type TestFleet } from './fleets.testing.js';
import { certificateRequest, keyHash, makeKeys } from './keys.js';
import { pairDevice } from './pair-device.js';
import { keysOf, newCode, readCode } from './pairing-code.js';
import { codeLifetimeMs, PairingDesk } from './pairing-desk.js';
import { makeReply, makeRequest, openReply } from './pairing-messages.js';

const soon = () => AbortSignal.timeout(60_000);
const pi = deviceId.parse('pi-1');
const refused = (text: string) => ({ code: 'CUT_PAIRING', message: expect.stringContaining(text) });

let fleet: TestFleet;
beforeEach(async () => {
  fleet = await startFleet();
});
afterEach(() => fleet[Symbol.asyncDispose]());

const pair = (code: string, url = fleet.url) => pairDevice({ url, code, name: pi, signal: soon() });
const audited = () => fleet.server.store.audit.newest(50).map(({ event, detail }) => `${event}: ${detail}`);

describe('a pairing code', () => {
  it('has 60 bits, and is read as people write it', () => {
    const codes = Array.from({ length: 2_000 }, newCode);
    expect(new Set(codes).size).toBe(codes.length);
    // Every digit at every place: a code that leaves some out has less than 60 bits.
    for (let place = 0; place < 12; place++) {
      expect(new Set(codes.map((code) => readCode(code)[place])).size).toBe(32);
    }
    expect(readCode(' 7k3m-q2xn p8vd')).toBe('7K3MQ2XNP8VD');
    expect(readCode('OIL0-0000-0000')).toBe('011000000000');
    for (const wrong of ['', '7K3M-Q2XN-P8V', '7K3M-Q2XN-P8VDD', '7K3M-Q2XN-P8VU', '7K3M-Q2XN-P8V*']) {
      expect(() => readCode(wrong)).toThrow(expect.objectContaining({ code: 'CUT_USAGE' }));
    }
  });
});

describe('the messages of pairing', () => {
  it('are refused when anything in them, the code or the connection is another', async () => {
    const keys = await keysOf('7K3M-Q2XN-P8VD');
    const others = await keysOf('7K3M-Q2XN-P8VE');
    const here = Buffer.alloc(32, 1);
    const elsewhere = Buffer.alloc(32, 2);
    const request = makeRequest(keys, here, { name: pi, request: Buffer.from('request') });
    const grant = {
      ...{ fleet: fleet.server.identities.fleet, device: pi, role: 'agent' as const },
      ...{ certificate: 'c', authority: 'a', nowMs: 1, lifetimeMs: 1 },
    };
    const reply = makeReply(keys, here, request, grant);
    expect(openReply(keys, here, request, reply)).toEqual(grant);
    const again = makeRequest(keys, here, { name: pi, request: Buffer.from('request') });
    expect(() => openReply(keys, here, again, reply)).toThrow(expect.objectContaining(refused('does not know')));
    expect(() => openReply(keys, elsewhere, request, reply)).toThrow(expect.objectContaining(refused('does not know')));
    expect(() => openReply(others, here, request, reply)).toThrow(expect.objectContaining(refused('does not know')));
    fc.assert(
      fc.property(fc.nat({ max: reply.grant.length - 1 }), (at) => {
        const changed = `${reply.grant.slice(0, at)}~${reply.grant.slice(at + 1)}`;
        expect(() => openReply(keys, here, request, { ...reply, grant: changed })).toThrow(
          expect.objectContaining(refused('does not know')),
        );
      }),
    );
  });
});

describe('pairing', () => {
  it('gives a device a certificate for a key that it made, once', async () => {
    const { code } = await fleet.server.desk.open({});
    const { identity, clockOffsetMs } = await pair(code);
    expect(identity).toMatchObject({ fleet: 'home', device: 'pi-1', role: 'agent', serverDevice: 'server' });
    expect(Math.abs(clockOffsetMs)).toBeLessThan(5_000);
    const folder = mkdtempSync(join(tmpdir(), 'cutpoint-device-'));
    saveIdentity(folder, identity);
    expect(loadIdentity(folder)).toEqual(identity);
    rmSync(folder, { recursive: true });
    await expect(pair(code)).rejects.toMatchObject(refused('was used'));
    expect(audited()).toContainEqual(expect.stringMatching(/^pairing-refused: The code was used/));
    expect(fleet.server.store.devices.certificatesOf(pi)).toHaveLength(1);
  });

  it('lets one in of two devices with the same code at the same time', async () => {
    const { code } = await fleet.server.desk.open({});
    const results = await Promise.allSettled(
      ['a', 'b'].map((name) => pairDevice({ url: fleet.url, code, name: deviceId.parse(name), signal: soon() })),
    );
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(fleet.server.store.devices.list()).toHaveLength(2);
  });

  it('withdraws every open code after five wrong ones, also from the one who has the right one', async () => {
    const { code } = await fleet.server.desk.open({});
    for (let i = 0; i < 5; i++) await expect(pair(newCode())).rejects.toMatchObject(refused('no such code'));
    expect(fleet.server.desk.isOpen).toBe(false);
    await expect(pair(code)).rejects.toMatchObject(refused('withdrawn'));
    expect(audited().filter((line) => line.startsWith('pairing-refused'))).toHaveLength(6);
    expect(fleet.server.store.devices.get(pi)).toBeUndefined();
  });

  it('does not start the count again when another code is made meanwhile', async () => {
    await fleet.server.desk.open({});
    for (let i = 0; i < 4; i++) await expect(pair(newCode())).rejects.toMatchObject(refused('no such code'));
    await fleet.server.desk.open({});
    await expect(pair(newCode())).rejects.toMatchObject(refused('no such code'));
    expect(fleet.server.desk.isOpen).toBe(false);
  });

  it('refuses a code after ten minutes on a clock that nobody sets', async () => {
    let clockMs = 0;
    const desk = new PairingDesk(fleet.server.identities, () => clockMs);
    const here = Buffer.alloc(32, 1);
    const asked = { name: pi, request: await certificateRequest(await makeKeys()) };
    const late = await desk.open({});
    clockMs = codeLifetimeMs;
    const request = makeRequest(await keysOf(late.code), here, asked);
    await expect(desk.answer(request, here, 'test')).rejects.toMatchObject(refused('not used in time'));
    expect(audited()).toContainEqual(expect.stringContaining('not used in time'));
    const inTime = await desk.open({});
    clockMs += codeLifetimeMs - 1;
    const good = makeRequest(await keysOf(inTime.code), here, asked);
    await expect(desk.answer(good, here, 'test')).resolves.toHaveProperty('proof');
  });

  it('bounds how many codes are open', async () => {
    for (let i = 0; i < 16; i++) await fleet.server.desk.open({});
    await expect(fleet.server.desk.open({})).rejects.toMatchObject({ code: 'CUT_OVERLOADED' });
  });

  it('gives nobody a name that is taken, of this machine, or a host of another device', async () => {
    const open = fleet.server.desk;
    await fleet.pair('pi-1');
    await expect(pair((await open.open({})).code)).rejects.toMatchObject(refused('pi-1 already'));
    const localhost = await open.open({ device: deviceId.parse('localhost') });
    await expect(pair(localhost.code)).rejects.toMatchObject(refused('localhost'));
    const thief = await open.open({ device: deviceId.parse('pi-2'), hosts: ['pi-1.local'] });
    await expect(pair(thief.code)).rejects.toMatchObject(refused('name of pi-1'));
    expect(fleet.server.store.devices.get(deviceId.parse('pi-2'))).toBeUndefined();
  });

  it('revokes what a device had when it is paired again under its name', async () => {
    await fleet.pair('pi-1');
    const told: string[] = [];
    using _ = fleet.server.identities.onRevoked((device) => told.push(device));
    await fleet.pair('pi-1');
    const states = fleet.server.store.devices.certificatesOf(pi).map(({ revokedAtMs }) => revokedAtMs !== undefined);
    expect([states.sort(), told]).toEqual([[false, true], ['pi-1']]);
  });
});

describe('somebody between a device and its server', () => {
  /** Ends TLS with a certificate of its own, and does with the message of the device what `meddle` says. */
  async function between(
    meddle: (body: string, socket: TLSSocket) => Promise<string>,
  ): Promise<AsyncDisposable & { url: string }> {
    const folder = mkdtempSync(join(tmpdir(), 'cutpoint-between-'));
    const own = await openFleetServer({
      folder,
      fleet: fleet.server.identities.fleet,
      device: deviceId.parse('server'),
      hosts: ['127.0.0.1'],
    });
    const server = https.createServer(own.httpsTls(), async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      response.end(await meddle(body, request.socket as TLSSocket));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return {
      url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
      async [Symbol.asyncDispose]() {
        server.close();
        server.closeAllConnections();
        own[Symbol.dispose]();
        rmSync(folder, { recursive: true });
      },
    };
  }

  it('gains nothing by passing messages on: the server sees that the proof is for another key', async () => {
    const { code } = await fleet.server.desk.open({});
    const said: string[] = [];
    await using proxy = await between(async (body) => {
      const response = await new Promise<string>((resolve) => {
        const call = https.request(
          `${fleet.url}/v1/pair`,
          { method: 'POST', rejectUnauthorized: false },
          async (answer) => {
            let text = '';
            for await (const chunk of answer) text += chunk;
            resolve(text);
          },
        );
        call.end(body);
      });
      said.push(response);
      return response;
    });
    await expect(pair(code, proxy.url)).rejects.toMatchObject({ code: expect.stringMatching(/^CUT_/) });
    expect(said[0]).toContain('somebody may be in between');
    expect(audited()).toContainEqual(expect.stringContaining('somebody may be in between'));
    expect(fleet.server.store.devices.get(pi)).toBeUndefined();
    // The code is not used up by it.
    await expect(pair(code)).resolves.toHaveProperty('identity');
  });

  it('cannot play the server without the code, however well it copies the rest', async () => {
    const { code } = await fleet.server.desk.open({});
    const guess = await keysOf(newCode());
    await using impostor = await between(async (body, socket) => {
      const own = socket.getX509Certificate();
      const hash = own === undefined ? Buffer.alloc(32) : keyHash(own.publicKey);
      const { identities } = fleet.server;
      const grant = {
        ...{ fleet: identities.fleet, device: pi, role: 'agent' as const, certificate: 'c' },
        ...{ authority: identities.authority, nowMs: Date.now(), lifetimeMs: 1 },
      };
      return JSON.stringify(makeReply(guess, hash, JSON.parse(body), grant));
    });
    await expect(pair(code, impostor.url)).rejects.toMatchObject(refused('does not know the code'));
  });
});

describe('the address for pairing', () => {
  const post = (body: string, method = 'POST') =>
    new Promise<{ status: number | undefined; text: string }>((resolve, reject) => {
      const call = https.request(`${fleet.url}/v1/pair`, { method, rejectUnauthorized: false }, async (answer) => {
        let text = '';
        for await (const chunk of answer) text += chunk;
        resolve({ status: answer.statusCode, text });
      });
      call.on('error', reject);
      call.end(body);
    });

  it('answers what is no request of ours in plain words, and reads no long ones', async () => {
    for (const body of ['', 'x', '{}', '[]', 'null', '{"version":1}', '{"__proto__":{}}', '['.repeat(9_000)]) {
      const { status, text } = await post(body);
      expect([status, JSON.parse(text).error.code]).toEqual([400, 'CUT_HTTP']);
    }
    expect((await post('', 'PUT')).status).toBe(400);
    const long = await post('x'.repeat(10_000_000)).catch((error: Error) => error);
    expect(long).toMatchObject(long instanceof Error ? {} : { status: 400 });
    expect(fleet.server.desk.isOpen).toBe(false);
  });

  it('is told from no server at all', async () => {
    const { code } = await fleet.server.desk.open({});
    await expect(pair(code, 'https://127.0.0.1:1')).rejects.toMatchObject({ code: 'CUT_UNREACHABLE' });
    await expect(pair(code, 'http://127.0.0.1:1')).rejects.toMatchObject({ code: 'CUT_USAGE' });
    await expect(
      pairDevice({ url: fleet.url, code, name: pi, signal: AbortSignal.abort(new Error('enough')) }),
    ).rejects.toThrow();
  });
});
