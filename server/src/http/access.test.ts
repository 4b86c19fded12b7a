import { X509Certificate } from 'node:crypto';
import { request as httpsRequest } from 'node:https';
import type { Access } from '@cutpoint/http';
import { generate } from 'selfsigned';
import { describe, expect, it } from 'vitest';
import { ExampleModels, example, startTestHttp } from './http.testing.js';

const page = '/v2/models/mymodel';
const token = 'a-token-of-the-fleet';
const access: Access = {
  verifyToken: async (given) => (given === token ? ['infer'] : given === 'chief' ? ['admin'] : undefined),
};
const bearer = (given: string) => ({ headers: { authorization: `Bearer ${given}` } });

async function statusOf(url: string, headers: Record<string, string> = {}): Promise<number> {
  return (await fetch(url, { headers })).status;
}

describe('a caller with a token', () => {
  it('may do what its scopes allow, and admin everything', async () => {
    await using server = await startTestHttp(new ExampleModels(), { access });
    expect((await fetch(server.url + page, bearer(token))).status).toBe(200);
    const metrics = await fetch(`${server.url}/metrics`, bearer(token));
    expect([metrics.status, await metrics.json()]).toEqual([
      403,
      { error: expect.stringContaining('"read"'), code: 'CUT_FORBIDDEN' },
    ]);
    expect((await fetch(`${server.url}/metrics`, bearer('chief'))).status).toBe(200);
  });

  it('has ids of requests for itself: those of another caller are others where they are computed', async () => {
    const models = new ExampleModels();
    await using server = await startTestHttp(models, { access });
    const body = JSON.stringify(example);
    const ids = [];
    for (const given of [token, 'chief', token]) {
      const headers = { ...bearer(given).headers, 'content-type': 'application/json' };
      expect((await fetch(`${server.url}${page}/infer`, { method: 'POST', headers, body })).status).toBe(200);
      ids.push(models.seen?.id);
    }
    expect(ids[0]).toMatch(/^42\./);
    expect(ids[1]).toMatch(/^42\./);
    expect(ids[1]).not.toBe(ids[0]);
    expect([ids[2], models.computed]).toEqual([ids[1], 2]);
  });

  it('that is wrong, malformed or missing is refused and logged, without the token', async () => {
    await using server = await startTestHttp(new ExampleModels(), { access });
    const wrong = ['Bearer wrong-token-here', token, `Basic ${token}`, 'Bearer', `Bearer ${'x'.repeat(5_000)}`, ''];
    for (const authorization of wrong) {
      const response = await fetch(server.url + page, { headers: authorization === '' ? {} : { authorization } });
      expect([response.status, response.headers.get('www-authenticate')], authorization).toEqual([401, 'Bearer']);
      expect(await response.json()).toEqual({ error: expect.stringContaining('token'), code: 'CUT_UNAUTHORISED' });
    }
    const refused = server.logged.filter(({ code }) => code === 'CUT_UNAUTHORISED');
    expect(refused).toHaveLength(wrong.length);
    expect(refused[0]).toMatchObject({ level: 40, address: '127.0.0.1', status: 401 });
    expect(JSON.stringify(server.logged)).not.toContain('wrong-token-here');
  });

  it('is not asked for one where everyone may look', async () => {
    await using server = await startTestHttp(new ExampleModels(), { access });
    for (const open of ['/healthz', '/readyz', '/v2/health/live', '/v2/health/ready', '/openapi.json']) {
      expect(await statusOf(server.url + open), open).toBe(200);
    }
    for (const guarded of ['/v2', '/metrics', page, `${page}/ready`]) {
      expect(await statusOf(server.url + guarded), guarded).toBe(401);
      expect((await fetch(server.url + guarded, { method: 'HEAD' })).status, guarded).toBe(401);
    }
  });

  it('that is wrong has to wait once its address failed too often; whoever is right there, or needs none, does not', async () => {
    await using server = await startTestHttp(new ExampleModels(), {
      access: { ...access, anonymous: { from: 'loopback', scopes: ['infer'] } },
      limits: { maxFailures: 3 },
    });
    const wrong = () => fetch(server.url + page, bearer('wrong'));
    for (let i = 0; i < 3; i++) expect((await wrong()).status).toBe(401);
    const waits = await wrong();
    expect([waits.status, Number(waits.headers.get('retry-after'))]).toEqual([429, expect.closeTo(60, -1)]);
    expect(await waits.json()).toMatchObject({ code: 'CUT_UNAUTHORISED' });
    expect(await statusOf(server.url + page, bearer(token).headers)).toBe(200);
    expect(await statusOf(server.url + page)).toBe(200);
    expect(await statusOf(`${server.url}/healthz`)).toBe(200);
  });

  it('cannot be guessed on and on: new tokens are refused unheard, those that were good are not', async () => {
    let verified = 0;
    const verifyToken = async (given: string) => {
      verified += 1;
      return given === token || given === 'new' ? (['infer'] as const) : undefined;
    };
    await using server = await startTestHttp(new ExampleModels(), {
      access: { verifyToken },
      limits: { maxFailures: 3, maxGuesses: 20 },
    });
    for (let i = 0; i < 10; i++) expect(await statusOf(server.url + page, bearer(token).headers)).toBe(200);
    for (let i = 0; i < 30; i++) {
      expect(await statusOf(server.url + page, bearer(`wrong${i}`).headers)).toBe(i < 3 ? 401 : 429);
    }
    expect(verified).toBe(30);
    expect(await statusOf(server.url + page, bearer('new').headers)).toBe(429);
    expect(await statusOf(server.url + page, bearer(token).headers)).toBe(200);
    expect(verified).toBe(31);
  });
});

describe('a caller on this machine', () => {
  it('needs no token, unless it speaks for somebody else', async () => {
    await using server = await startTestHttp(new ExampleModels(), {
      access: { ...access, anonymous: { from: 'loopback', scopes: ['infer'] } },
    });
    const { port } = new URL(server.url);
    expect(await statusOf(server.url + page)).toBe(200);
    expect(await statusOf(server.url + page, { host: `localhost:${port}` })).toBe(200);
    expect(await statusOf(`${server.url}/metrics`)).toBe(403);
    const others: Record<string, string>[] = [
      { 'x-forwarded-for': '192.0.2.1' },
      { forwarded: 'for=192.0.2.1' },
      { via: '1.1 proxy' },
      { origin: 'https://example.org' },
      { authorization: 'Bearer wrong' },
    ];
    for (const headers of others) expect(await statusOf(server.url + page, headers), JSON.stringify(headers)).toBe(401);
  });

  it('is no page that found this address by a name of its own', async () => {
    await using server = await startTestHttp(new ExampleModels());
    const { rawStatus } = await import('./raw-http.testing.js');
    const ask = (host: string) =>
      rawStatus(server.url, `GET ${page} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    expect(await ask('127.0.0.1')).toBe(200);
    expect(await ask('[::1]:7480')).toBe(200);
    expect(await ask('evil.example')).toBe(401);
    expect(await ask('127.0.0.1.evil.example')).toBe(401);
  });
});

describe('a caller with a client certificate', () => {
  const certificate = async (name: string) => {
    const pems = await generate([{ name: 'commonName', value: name }], { keySize: 2048, algorithm: 'sha256' });
    return { cert: pems.cert, key: pems.private };
  };

  it('is who the check says, and nobody without one', async () => {
    const [own, known, unknown] = await Promise.all(['server', 'pi-1', 'pi-2'].map(certificate));
    if (own === undefined || known === undefined || unknown === undefined) throw new Error('no certificates');
    const { fingerprint256 } = new X509Certificate(known.cert);
    await using server = await startTestHttp(new ExampleModels(), {
      tls: { ...own, minVersion: 'TLSv1.3' },
      access: {
        verifyCertificate: async (shown) =>
          shown.fingerprint256 === fingerprint256 ? { name: 'pi-1', scopes: ['infer'] } : undefined,
      },
    });
    const ask = (keys: { cert?: string; key?: string }): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        const options = { ...keys, rejectUnauthorized: false, agent: false };
        httpsRequest(server.url + page, options, (response) => {
          response.resume();
          resolve(response.statusCode);
        })
          .on('error', reject)
          .end();
      });
    expect(await ask(known)).toBe(200);
    expect(await ask(unknown)).toBe(401);
    expect(await ask({})).toBe(401);
    // Whoever fails at the same address does not shut it out.
    for (let i = 0; i < 20; i++) await ask({});
    expect([await ask(unknown), await ask(known)]).toEqual([429, 200]);
  });
});
