import { CutpointError } from '@cutpoint/core';
import type { Access, HttpServer } from '@cutpoint/http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deploymentRequest } from './deployment-request.js';
import { deviceView, type FleetAdmin, statusView } from './fleet-admin.js';
import { ExampleModels, postJson, startTestHttp } from './http.testing.js';

/** What the API asked of the fleet, in order. */
const asked: unknown[] = [];
const view = statusView.parse({
  version: '1',
  fleet: 'home',
  devices: { online: 1, offline: 0, away: [], revoked: [] },
  rollout: { phase: 'active', generation: 7, active: 7, waitingFor: [], fetchedBytes: 0, totalBytes: 0, devices: [] },
  deployments: [{ name: 'eyes', model: { name: 'resnet20', hash: 'a'.repeat(64) }, devices: ['pi-1'], begins: [] }],
  notes: [],
});
const device = deviceView.parse({
  device: 'pi-1',
  role: 'agent',
  status: 'online',
  statusMs: 10,
  quietMs: 1,
  session: '0'.repeat(32),
  addresses: [],
  facts: { version: '1', platform: 'linux', cpuModel: 'A76', cores: 4, memoryBytes: 8e9 },
});
const fleet: FleetAdmin = {
  devices: async () => [device],
  status: async () => view,
  async deploy(request, by) {
    asked.push({ deploy: request, by });
    if (request.name === 'twice') throw new CutpointError('CUT_CONFLICT', 'It is deployed already.');
    return { name: request.name, generation: 8 as never };
  },
  async undeploy(name, by) {
    asked.push({ undeploy: name, by });
    if (name === 'nobody') throw new CutpointError('CUT_NOT_FOUND', 'There is no deployment of that name.');
    return { name, generation: 9 as never };
  },
  async rollback(request, by) {
    asked.push({ rollback: request, by });
    return { name: request.name, generation: 10 as never };
  },
  files: {
    look: async (hash) => ({ hash, complete: false, receivedBytes: 3 }),
    async take({ chunks, ...part }) {
      let text = '';
      for await (const chunk of chunks) text += Buffer.from(chunk);
      asked.push({ ...part, text });
      return { hash: part.hash, complete: true, receivedBytes: part.offset + text.length };
    },
  },
  async logs(query) {
    asked.push({ logs: query });
    return ['{"msg":"ready"}'];
  },
  figures: () => ({ devices: { online: 1, offline: 0 }, links: [] }),
};
const access: Access = {
  verifyToken: async (token) =>
    token === 'reads' ? ['read'] : token === 'deploys' ? ['deploy'] : token === 'rules' ? ['admin'] : undefined,
};

let server: HttpServer;
beforeAll(async () => {
  server = await startTestHttp(new ExampleModels(), { fleet, access });
});
afterAll(() => server[Symbol.asyncDispose]());

const as = (token: string) => ({ authorization: `Bearer ${token}`, 'content-type': 'application/json' });
const get = (path: string, token: string) => fetch(server.url + path, { headers: as(token) });
const request = {
  name: 'eyes',
  model: { name: 'resnet20', hash: 'a'.repeat(64) },
  ladders: [
    {
      device: 'pi-1',
      ladder: [
        { at: [12], codecs: ['raw'], chain: ['hub'] },
        { at: [], codecs: [], chain: [] },
      ],
    },
  ],
};

it('weights of a model lie in paths of their own', () => {
  const hash = 'a'.repeat(64);
  const issuesOf = (...paths: string[]) => {
    const weights = paths.map((path) => ({ path, hash }));
    const model = { name: 'x', hash, weights };
    const ladders = [{ device: 'pi', ladder: [{ kind: 'local' }] }];
    const parsed = deploymentRequest.safeParse({ name: 'net', model, ladders });
    return parsed.error?.issues.filter(({ path }) => path.includes('weights')).map(({ message }) => message);
  };
  for (const paths of [['model.onnx'], ['Model.ONNX'], ['model.preprocessing.json'], ['a', 'a'], ['a', 'a/b']]) {
    expect(issuesOf(...paths), paths.join()).toEqual([expect.stringContaining('paths of their own')]);
  }
  expect(issuesOf('model.onnx.data', 'model.onnx_data', 'a/b', 'a/c') ?? []).toEqual([]);
});

describe('the admin API', () => {
  it('shows devices and status to who may read', async () => {
    expect(await (await get('/v1/devices', 'reads')).json()).toEqual({ devices: [device] });
    expect(await (await get('/v1/status', 'rules')).json()).toEqual(view);
    for (const path of ['/v1/devices', '/v1/status']) expect((await get(path, 'deploys')).status).toBe(403);
  });

  it('deploys, undeploys and rolls back for who may deploy, and says who it was', async () => {
    asked.length = 0;
    const deployed = await postJson(`${server.url}/v1/deployments`, request, as('deploys'));
    expect([deployed.status, await deployed.json()]).toEqual([202, { name: 'eyes', generation: 8 }]);
    const gone = await fetch(`${server.url}/v1/deployments/eyes`, {
      method: 'DELETE',
      headers: { authorization: 'Bearer deploys' },
    });
    expect([gone.status, await gone.json()]).toEqual([202, { name: 'eyes', generation: 9 }]);
    const back = await postJson(`${server.url}/v1/rollback`, { name: 'eyes' }, as('deploys'));
    expect([back.status, await back.json()]).toEqual([202, { name: 'eyes', generation: 10 }]);
    const by = expect.stringMatching(/^token [0-9a-f]{16}$/);
    expect(asked).toEqual([
      { deploy: request, by },
      { undeploy: 'eyes', by },
      { rollback: { name: 'eyes' }, by },
    ]);
    expect((await postJson(`${server.url}/v1/deployments`, request, as('reads'))).status).toBe(403);
  });

  it('takes bodies whatever their content type says', async () => {
    asked.length = 0;
    const headers = { ...as('deploys'), 'content-type': 'application/x-www-form-urlencoded' };
    const back = await fetch(`${server.url}/v1/rollback`, { method: 'POST', body: '{"name":"eyes"}', headers });
    expect([back.status, await back.json()]).toEqual([202, { name: 'eyes', generation: 10 }]);
    const part = { method: 'PUT', body: 'bytes', headers };
    expect((await fetch(`${server.url}/v1/files/${'b'.repeat(64)}?offset=0&bytes=5`, part)).status).toBe(200);
    const wrong = await fetch(`${server.url}/v1/rollback`, { method: 'POST', body: '{"__proto__":{}}', headers });
    expect(wrong.status).toBe(400);
    expect(asked.length).toBe(2);
  });

  it('says what a request lacks', async () => {
    expect(await (await get('/v1/logs', 'rules')).json()).toMatchObject({
      code: 'CUT_USAGE',
      error: expect.stringMatching(/^The request lacks device in its query/),
    });
    const empty = await postJson(`${server.url}/v1/rollback`, {}, as('deploys'));
    expect(await empty.json()).toMatchObject({ error: expect.stringMatching(/^The request lacks name in its body/) });
  });

  it('takes files in parts from who may deploy, as they are and of bounded length', async () => {
    asked.length = 0;
    const hash = 'b'.repeat(64);
    const file = `${server.url}/v1/files/${hash}`;
    expect(await (await get(`/v1/files/${hash}`, 'deploys')).json()).toEqual({
      hash,
      complete: false,
      receivedBytes: 3,
    });
    const bytes = { 'content-type': 'application/octet-stream' };
    const put = (url: string, body: string, headers: Record<string, string>) =>
      fetch(url, { method: 'PUT', body, headers });
    const sent = await put(`${file}?offset=3&bytes=8`, 'bytes', { ...as('deploys'), ...bytes });
    expect([sent.status, await sent.json()]).toEqual([200, { hash, complete: true, receivedBytes: 8 }]);
    expect(asked).toEqual([{ hash, offset: 3, bytes: 8, text: 'bytes' }]);
    const refused = await Promise.all([
      put(`${file}?offset=3&bytes=8`, 'bytes', { ...as('reads'), ...bytes }),
      put(`${file}?offset=-3&bytes=8`, 'bytes', { ...as('deploys'), ...bytes }),
      put(`${server.url}/v1/files/a..b?offset=0&bytes=8`, 'bytes', { ...as('deploys'), ...bytes }),
      put(`${file}?offset=0&bytes=9000000`, 'x'.repeat(9_000_000), { ...as('deploys'), ...bytes }),
    ]);
    expect(refused.map(({ status }) => status)).toEqual([403, 400, 400, 413]);
    expect(asked.length).toBe(1);
  });

  it('shows logs to admins only', async () => {
    asked.length = 0;
    expect(await (await get('/v1/logs?device=pi-1&lines=5', 'rules')).json()).toEqual({ lines: ['{"msg":"ready"}'] });
    expect(await (await get('/v1/logs?device=pi-1', 'rules')).json()).toBeTruthy();
    expect(asked).toEqual([{ logs: { device: 'pi-1', lines: 5 } }, { logs: { device: 'pi-1', lines: 100 } }]);
    expect((await get('/v1/logs?device=pi-1', 'reads')).status).toBe(403);
  });

  it('refuses what does not follow its schemas before the fleet hears of it', async () => {
    asked.length = 0;
    const wrong: unknown[] = [
      {},
      { ...request, name: '../eyes' },
      { ...request, model: { name: 'x', hash: '../../etc/passwd' } },
      { ...request, ladders: [] },
      { ...request, more: 1 },
      '{"__proto__":{}}',
      '[',
      'x'.repeat(300_000),
    ];
    for (const body of wrong) {
      const response = await postJson(`${server.url}/v1/deployments`, body, as('rules'));
      expect([400, 413], JSON.stringify(body).slice(0, 60)).toContain(response.status);
      expect(await response.json()).toEqual({
        error: expect.stringMatching(/\.$/),
        code: expect.stringMatching(/^CUT_/),
      });
    }
    for (const path of [
      '/v1/logs',
      '/v1/logs?device=..',
      '/v1/logs?device=pi-1&lines=0',
      '/v1/logs?device=pi-1&lines=1e9',
    ]) {
      expect((await get(path, 'rules')).status, path).toBe(400);
    }
    const strange = await fetch(`${server.url}/v1/deployments/A..B`, {
      method: 'DELETE',
      headers: { authorization: 'Bearer rules' },
    });
    expect(strange.status).toBe(400);
    expect(asked).toEqual([]);
    expect(deploymentRequest.safeParse(request).success).toBe(true);
  });

  it('tells what the fleet refuses', async () => {
    const missing = await fetch(`${server.url}/v1/deployments/nobody`, {
      method: 'DELETE',
      headers: { authorization: 'Bearer rules' },
    });
    expect([missing.status, await missing.json()]).toEqual([404, { error: expect.any(String), code: 'CUT_NOT_FOUND' }]);
    expect((await postJson(`${server.url}/v1/deployments`, { ...request, name: 'twice' }, as('rules'))).status).toBe(
      409,
    );
  });

  it('is not there without a fleet', async () => {
    await using alone = await startTestHttp(new ExampleModels());
    expect((await fetch(`${alone.url}/v1/devices`)).status).toBe(404);
  });
});
