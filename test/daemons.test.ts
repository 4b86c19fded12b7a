import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NamedTensors } from '@cutpoint/core';
import { tensorOf } from '@cutpoint/core';
import type { Segment } from '@cutpoint/runtime';
import { connect, type Peer } from '@cutpoint/wire';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { classifier, classifierInput, detector, loadWhole } from './models.testing.js';
import { childrenOf, cutpoint, type Process, until } from './processes.testing.js';

// Each test starts processes, and a busy machine takes seconds for one.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const code = (expected: string) => expect.objectContaining({ code: expected });
const exact = ['--optimisation', 'none'];
const cut = ['--at', '100'];
const lastCut = ['--at', '220'];
const anyPort = ['--listen', 'ws://127.0.0.1:0', '--json'];

function serve(...args: readonly string[]) {
  return cutpoint(['serve', classifier, ...exact, ...anyPort, ...args]);
}

function agent(...args: readonly string[]) {
  return cutpoint(['agent', classifier, ...exact, ...anyPort, ...args]);
}

function ask(url: string) {
  return connect({ url, connectTimeoutMs: 5_000 });
}

function infer(tensors: NamedTensors) {
  return { method: 'infer', tensors };
}

function status(url: string): Promise<number> {
  return fetch(url.replace(/^(ws|tcp)/, 'http'), { signal: AbortSignal.timeout(5_000) }).then(
    (answer) => answer.status,
  );
}

let whole: Segment;
beforeAll(async () => {
  whole = await loadWhole(classifier);
});
afterAll(() => whole.dispose());

async function wholeAnswer(input: NamedTensors): Promise<NamedTensors> {
  return (await whole.run(input)).outputs;
}

describe('an agent and a server in processes of their own', () => {
  let server: Process;
  let edge: Process;
  let peer: Peer;
  beforeAll(async () => {
    server = serve(...cut);
    edge = agent(...cut, '--server', await server.url());
    peer = await ask(await edge.url());
  });
  afterAll(async () => {
    await peer.close();
    await edge[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  it('give the uncut model’s answer, bit for bit, and say where the time went', async () => {
    const { tensors, meta } = await peer.request(infer(classifierInput()), { deadlineMs: 20_000 });
    expect(tensors).toEqual(await wholeAnswer(classifierInput()));
    expect(meta).toMatchObject({ timing: { frontMs: expect.any(Number), totalMs: expect.any(Number) } });
  });

  it('answer many requests at the same time, each with its own answer', async () => {
    const inputs = Array.from({ length: 12 }, (_, seed) => classifierInput(seed + 1));
    const replies = await Promise.all(inputs.map((input) => peer.request(infer(input), { deadlineMs: 20_000 })));
    for (const [i, input] of inputs.entries()) expect(replies[i]?.tensors).toEqual(await wholeAnswer(input));
  });

  it('answer a wrong tensor with CUT_INPUT and go on', async () => {
    for (const url of [await server.url(), await edge.url()]) {
      await using other = await ask(url);
      const wrong = new Map([['nonsense', tensorOf('f32', [1], new Float32Array(1))]]);
      await expect(other.request(infer(wrong))).rejects.toThrow(code('CUT_INPUT'));
      await expect(other.request({ method: 'nonsense' })).rejects.toThrow(code('CUT_USAGE'));
    }
    const wrongType = new Map([['x', tensorOf('i32', [1, 3, 48, 192], new Int32Array(3 * 48 * 192))]]);
    await expect(peer.request(infer(wrongType))).rejects.toThrow(code('CUT_INPUT'));
    expect((await peer.request(infer(classifierInput()))).tensors.size).toBe(1);
  });

  it('describe themselves', async () => {
    await using other = await ask(await server.url());
    const { meta } = await other.request({ method: 'describe' });
    expect(meta).toMatchObject({
      modelHash: expect.stringMatching(/^[0-9a-f]{64}$/),
      split: { at: [100] },
      segment: 1,
    });
    expect((await peer.request({ method: 'describe' })).meta).toMatchObject({
      modelHash: meta.modelHash,
      inputs: [{ name: 'x', dtype: 'f32' }],
    });
  });

  it('keep to the caller’s deadline and cancellation', async () => {
    server.kill('SIGSTOP');
    await expect(peer.request(infer(classifierInput()), { deadlineMs: 300 })).rejects.toThrow(code('CUT_DEADLINE'));
    const controller = new AbortController();
    const request = peer.request(infer(classifierInput()), { signal: controller.signal, deadlineMs: 20_000 });
    controller.abort();
    await expect(request).rejects.toThrow(code('CUT_CANCELLED'));
    server.kill('SIGCONT');
    expect((await peer.request(infer(classifierInput()), { deadlineMs: 20_000 })).tensors.size).toBe(1);
  });

  it('are alive and ready, and know no other page', async () => {
    for (const url of [await server.url(), await edge.url()]) {
      expect(await status(`${url}/healthz`)).toBe(200);
      expect(await status(`${url}/readyz`)).toBe(200);
      expect(await status(`${url}/`)).toBe(404);
    }
  });
});

describe('the cuts at both ends', () => {
  it('leave everything to the server at the first cut, over tcp as well', async () => {
    const health = ['--health', '127.0.0.1:0'];
    await using server = serve('--at', '0', '--listen', 'tcp://127.0.0.1:0', ...health);
    await using edge = agent('--at', '0', '--server', await server.url());
    await using peer = await ask(await edge.url());
    const { tensors } = await peer.request(infer(classifierInput()), { deadlineMs: 20_000 });
    expect(tensors).toEqual(await wholeAnswer(classifierInput()));
    const healthUrl = server.log().find(({ msg }) => msg === 'health')?.url;
    expect(await status(`${healthUrl}/readyz`)).toBe(200);
  });

  it('need no server at the last cut', async () => {
    await using edge = agent(...lastCut);
    await using peer = await ask(await edge.url());
    const { tensors } = await peer.request(infer(classifierInput()), { deadlineMs: 20_000 });
    expect(tensors).toEqual(await wholeAnswer(classifierInput()));
  });
});

describe('segments that cutpoint split wrote', () => {
  it('run without the model itself, each side with its own file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'cutpoint-segments-'));
    try {
      await using split = cutpoint(['split', classifier, ...cut, '--out', folder]);
      expect(await split.exit()).toBe(0);
      const segments = join(folder, 'segments.json');
      await using server = cutpoint(['serve', segments, ...exact, ...anyPort]);
      const address = await server.url();
      await rm(join(folder, 'segment-1.onnx'));
      await using edge = cutpoint(['agent', segments, ...exact, ...anyPort, '--server', address]);
      await using peer = await ask(await edge.url());
      const { tensors } = await peer.request(infer(classifierInput()), { deadlineMs: 20_000 });
      expect(tensors).toEqual(await wholeAnswer(classifierInput()));
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('a server that vanishes', () => {
  it('costs the requests under way, and the agent comes back to the next one', async () => {
    const server = serve(...cut);
    const address = await server.url();
    await using edge = agent(...cut, '--server', address, '--max-backoff-ms', '200');
    const url = await edge.url();
    await using peer = await ask(url);

    server.kill('SIGSTOP');
    const request = peer.request(infer(classifierInput()), { deadlineMs: 20_000 });
    const rejected = expect(request).rejects.toThrow(code('CUT_CONNECTION_LOST'));
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    server.kill('SIGKILL');
    await rejected;
    await server[Symbol.asyncDispose]();

    const tookMs: number[] = [];
    for (let i = 0; i < 5; i++) {
      const startedAt = performance.now();
      await expect(peer.request(infer(classifierInput()))).rejects.toThrow(code('CUT_UNREACHABLE'));
      tookMs.push(performance.now() - startedAt);
    }
    expect(Math.min(...tookMs)).toBeLessThan(500);
    expect(await status(`${url}/readyz`)).toBe(503);
    expect(await status(`${url}/healthz`)).toBe(200);

    await using again = serve(...cut, '--listen', address);
    await again.url();
    await until(async () => (await status(`${url}/readyz`)) === 200, 'the agent is connected again');
    const { tensors } = await peer.request(infer(classifierInput()), { deadlineMs: 20_000 });
    expect(tensors).toEqual(await wholeAnswer(classifierInput()));
  });

  it('is refused when it comes back with another cut', async () => {
    const server = serve(...cut);
    const address = await server.url();
    await using edge = agent(...cut, '--server', address, '--max-backoff-ms', '200');
    await using peer = await ask(await edge.url());
    await server[Symbol.asyncDispose]();
    await using other = serve('--at', '101', '--listen', address);
    await other.url();
    const answer = () => peer.request(infer(classifierInput())).catch((error: { code: string }) => error.code);
    await until(async () => (await answer()) === 'CUT_MODEL_MISMATCH', 'the agent sees the other cut');
  });
});

describe('a segment in a process of its own', () => {
  it.skipIf(process.platform !== 'linux')('may crash without taking the server down', async () => {
    await using server = serve(...cut, '--isolate');
    await using edge = agent(...cut, '--server', await server.url());
    await using peer = await ask(await edge.url());
    const [child] = await childrenOf(server.pid);
    if (child === undefined) throw new Error('The server has no child process.');
    process.kill(child, 'SIGSTOP');
    const request = peer.request(infer(classifierInput()), { deadlineMs: 20_000 });
    const rejected = expect(request).rejects.toThrow(code('CUT_WORKER_DIED'));
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    process.kill(child, 'SIGKILL');
    await rejected;
    const { tensors } = await peer.request(infer(classifierInput()), { deadlineMs: 20_000 });
    expect(tensors).toEqual(await wholeAnswer(classifierInput()));
    expect(server.log()).toContainEqual(expect.objectContaining({ level: 'warn', code: 'CUT_WORKER_DIED' }));
  });
});

describe('a start that cannot succeed', () => {
  it('says that the port is in use', async () => {
    await using server = serve(...cut);
    await using second = serve(...cut, '--listen', await server.url());
    expect(await second.exit()).toBe(1);
    expect(JSON.parse(second.stdout)).toMatchObject({ error: { code: 'CUT_BIND' } });
    expect(second.stderr).toMatch(/^error CUT_BIND: .*\n$/m);
  });

  it('says that the server’s address is missing or wrong, before the model is loaded', async () => {
    await using missing = agent(...cut);
    await using wrong = cutpoint(['agent', 'absent.onnx', ...cut, ...anyPort, '--server', '127.0.0.1:7400']);
    expect(await missing.exit()).toBe(2);
    expect(missing.stderr).toMatch(/error CUT_USAGE: .*--server/);
    expect(missing.log().map(({ msg }) => msg)).not.toContain('loaded');
    expect(await wrong.exit()).toBe(2);
    expect(wrong.stderr).toMatch(
      /error CUT_USAGE: --server is "127\.0\.0\.1:7400", but must be an address such as ws:/,
    );
  });

  it('says that nothing computes by that name, though no segment is needed before a request comes', async () => {
    for (const name of ['nope', 'wgpu']) {
      await using server = serve('--provider', name);
      expect(await server.exit()).not.toBe(0);
      expect(`${server.stdout}${server.stderr}`).toMatch(/CUT_PROVIDER.*auto, cpu, webgpu/s);
    }
  });

  it('says that the server is absent', async () => {
    await using edge = agent(...cut, '--server', 'ws://127.0.0.1:9');
    expect(await edge.exit()).toBe(1);
    expect(edge.stderr).toContain('error CUT_UNREACHABLE: ');
  });

  it('says that the server holds another model or another cut', async () => {
    await using server = serve(...cut);
    await using elsewhere = agent('--at', '99', '--server', await server.url());
    await using other = cutpoint(['agent', detector, ...cut, ...anyPort, '--server', await server.url()]);
    expect(await elsewhere.exit()).toBe(1);
    expect(elsewhere.stderr).toContain('error CUT_MODEL_MISMATCH: ');
    expect(await other.exit()).toBe(1);
    expect(other.stderr).toContain('error CUT_MODEL_MISMATCH: ');
  });
});

describe('a stop', () => {
  it('on SIGTERM or SIGINT ends with status 0', async () => {
    await using server = serve(...cut);
    await using edge = agent(...cut, '--server', await server.url());
    await edge.url();
    edge.kill('SIGTERM');
    expect(await edge.exit()).toBe(0);
    server.kill('SIGINT');
    expect(await server.exit()).toBe(0);
    for (const daemon of [edge, server]) {
      expect(daemon.log().map(({ msg }) => msg)).toEqual(expect.arrayContaining(['ready', 'stopping', 'stopped']));
    }
  });

  it('lets requests under way finish', async () => {
    await using server = serve(...cut);
    await using edge = agent(...cut, '--server', await server.url());
    await using peer = await ask(await edge.url());
    server.kill('SIGSTOP');
    const requests = Array.from({ length: 8 }, () => peer.request(infer(classifierInput()), { deadlineMs: 20_000 }));
    const replies = Promise.all(requests);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    edge.kill('SIGTERM');
    await until(() => edge.log().some(({ msg }) => msg === 'stopping'), 'the agent is stopping');
    server.kill('SIGCONT');
    expect((await replies).every(({ tensors }) => tensors.size === 1)).toBe(true);
    expect(await edge.exit()).toBe(0);
  });

  it('takes no longer than its grace where a request hangs', async () => {
    await using server = serve(...cut);
    await using edge = agent(...cut, '--server', await server.url(), '--grace-ms', '300');
    await using peer = await ask(await edge.url());
    server.kill('SIGSTOP');
    const request = peer.request(infer(classifierInput()), { deadlineMs: 20_000 });
    const rejected = expect(request).rejects.toThrow(code('CUT_CONNECTION_LOST'));
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const startedAt = performance.now();
    edge.kill('SIGTERM');
    await rejected;
    await edge.exit();
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });

  it('follows the end of standard input where that is asked for', async () => {
    await using server = serve(...cut, '--stop-with-stdin');
    await server.url();
    server.endStdin();
    expect(await server.exit()).toBe(0);
  });
});
