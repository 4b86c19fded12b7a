import { copyFile, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { contentHash, deviceId, type Hold } from '@cutpoint/control';
import { CancelSource, CutpointError, onCancel } from '@cutpoint/core';
import { parseModelProfile } from '@cutpoint/plan';
import { answerProbe, connect, type IncomingRequest, listen, type Meta } from '@cutpoint/wire';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { saveModel, smallModel } from '../../profile/src/model/small-model.testing.js';
import { measuringHandler } from './measuring-handler.js';
import { ProfileDesk } from './profile-desk.js';
import { type ProfileRequest, profileRequest } from './profile-request.js';

const hash = contentHash.parse('a'.repeat(64));
const never = new CancelSource();
const box = deviceId.parse('box');
let saved: Awaited<ReturnType<typeof saveModel>>;
let bytes = 0;
beforeAll(async () => {
  saved = await saveModel(smallModel(1));
  bytes = (await stat(saved.path)).size;
});
afterAll(async () => await saved[Symbol.asyncDispose]());

let folder = '';
let freeMemoryBytes = 1e9;
/** Held back until it is called. */
let letGo: (() => void) | undefined;
let fetched = 0;
let desk: ProfileDesk;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-desk-'));
  freeMemoryBytes = 1e9;
  letGo = undefined;
  fetched = 0;
  desk = new ProfileDesk({
    fetcher: {
      async fetch(_file, { signal }): Promise<Hold> {
        fetched += 1;
        await new Promise<void>((resolve, reject) => {
          if (letGo === undefined) resolve();
          else letGo = resolve;
          onCancel(signal, () => reject(new CutpointError('CUT_CANCELLED', 'gone')));
        });
        const path = join(folder, 'content');
        await copyFile(saved.path, path);
        return { hash, bytes, path, [Symbol.dispose]: () => {} };
      },
    },
    onContent: () => {},
    scratch: join(folder, 'scratch'),
    profiles: join(folder, 'profiles'),
    segmentOptions: {},
    freeMemoryBytes: () => freeMemoryBytes,
    patienceMs: 200,
  });
});
afterEach(async () => {
  await desk[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const wanted = (changes: Partial<ProfileRequest> = {}): ProfileRequest =>
  profileRequest.parse({ files: [{ path: 'model.onnx', hash, bytes }], waitMs: 10_000, ...changes });
const another = (): ProfileRequest => wanted({ dims: { N: 2 }, waitMs: 0 });

describe('a device that is asked for a profile', () => {
  it('says how far it is until it is done, keeps it for the next time, and leaves nothing else', async () => {
    let answer = await desk.ask(wanted({ waitMs: 0 }), never);
    expect(answer).toEqual({ state: 'running', progress: { step: 'fetch', done: 0, total: bytes } });
    for (let asks = 0; answer.state === 'running' && asks < 20; asks += 1) answer = await desk.ask(wanted(), never);
    if (answer.state !== 'done') throw new Error('It takes some seconds.');
    expect(parseModelProfile(answer.profile).wholeMs).toBeGreaterThan(0);
    expect(await readdir(join(folder, 'profiles'))).toHaveLength(1);
    expect(await readdir(join(folder, 'scratch'))).toEqual([]);
    const again = await desk.ask(wanted(), never);
    expect(again).toMatchObject({ state: 'done', profile: answer.profile });
  }, 120_000);

  it('refuses with the numbers what does not fit, and fetches nothing', async () => {
    freeMemoryBytes = 50e6;
    await expect(desk.ask(wanted(), never)).rejects.toMatchObject({
      code: 'CUT_MEMORY',
      message: expect.stringMatching(/^Profiling the model needs 1\d\d MB on this device, but 50 MB are free\.$/),
    });
    expect(fetched).toBe(0);
  });

  it('profiles one model at a time, and stops when it is told to, or nobody asks any more', async () => {
    letGo = () => {};
    expect(await desk.ask(wanted({ waitMs: 0 }), never)).toMatchObject({ state: 'running' });
    await expect(desk.ask(another(), never)).rejects.toMatchObject({ code: 'CUT_OVERLOADED' });
    expect(await desk.ask(wanted({ cancel: true }), never)).toEqual({ state: 'cancelled' });
    expect(await desk.ask(another(), never)).toMatchObject({ state: 'running' });
    await expect.poll(() => desk.ask(wanted({ waitMs: 0 }), never).then(({ state }) => state, String)).toBe('running');
  });
});

describe('the methods of a device for its server', () => {
  const closed = new Promise<void>(() => {});
  const remote = (role?: string) => ({
    name: 'other',
    capabilities: [],
    maxRequests: 1,
    maxFrameBytes: 1,
    maxHeaderBytes: 1,
    maxTensors: 1,
    briefFrames: true,
    ...(role === undefined ? {} : { identity: { fleet: 'home', device: 'other', role, serial: '0' } }),
  });
  const ask = (method: string, meta: Meta, role?: string, paired = true) => {
    const links = { update: () => {}, tried: async () => {}, to: () => noPeer(), via: () => undefined };
    const handler = measuringHandler({ desk, links, paired, otherwise: async () => ({ meta: { other: true } }) });
    const request: IncomingRequest = { method, meta, tensors: new Map(), signal: never, remote: remote(role), closed };
    return handler(request);
  };
  const noPeer = (): never => {
    throw new CutpointError('CUT_UNREACHABLE', 'Nobody is there.');
  };
  const cancel = { files: [{ path: 'model.onnx', hash, bytes: 1 }], cancel: true };

  it('are for the server alone where devices prove who they are, and for all of this machine where not', async () => {
    for (const method of ['profile', 'measure-link'])
      for (const role of [undefined, 'agent'])
        await expect(ask(method, cancel, role)).rejects.toMatchObject({ code: 'CUT_UNAUTHORISED' });
    expect(await ask('profile', cancel, 'server')).toEqual({ meta: { state: 'cancelled' } });
    expect(await ask('profile', cancel, undefined, false)).toEqual({ meta: { state: 'cancelled' } });
    expect(await ask('infer', {})).toEqual({ meta: { other: true } });
  });

  it.each([
    ['no files', { files: [] }],
    ['a path that leads out', { files: [{ path: '../model.onnx', hash, bytes: 1 }] }],
    ['an absolute path', { files: [{ path: '/etc/passwd', hash, bytes: 1 }] }],
    ['a hash that is none', { files: [{ path: 'model.onnx', hash: 'x', bytes: 1 }] }],
    ['a wait without end', { ...cancel, waitMs: 1e9 }],
  ])('refuse %s', async (_, meta) => {
    await expect(ask('profile', meta, 'server')).rejects.toMatchObject({ code: 'CUT_INPUT' });
  });

  it('measure a link through the connection that requests use', async () => {
    await using listener = await listen({ url: 'tcp://127.0.0.1:0', handler: async (one) => answerProbe(one) });
    await using peer = await connect({ url: listener.url, connectTimeoutMs: 20_000 });
    const updates: unknown[] = [];
    const links = {
      update: (devices: unknown) => updates.push(devices),
      tried: async () => {},
      to: () => ({ peer: () => peer }) as never,
      via: () => listener.url,
    };
    const handler = measuringHandler({ desk, links, paired: false, otherwise: async () => ({}) });
    const meta = { to: box, addresses: [listener.url], budgetMs: 1_000 };
    const request = { method: 'measure-link', meta, tensors: new Map(), signal: never, remote: remote(), closed };
    const [first, second] = await Promise.allSettled([handler(request), handler(request)]);
    expect(first).toMatchObject({ value: { meta: { via: listener.url, profile: { url: 'box' } } } });
    expect(second).toMatchObject({ reason: { code: 'CUT_OVERLOADED' } });
    expect(updates).toEqual([[{ device: box, addresses: [listener.url] }]]);
  });
});
