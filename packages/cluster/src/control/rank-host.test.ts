import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomContent } from '@cutpoint/llm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { temporaryPackage } from '../../../llm/src/decode/random-package.testing.js';
import { smallConfig } from '../../../llm/src/package/small-decoder.testing.js';
import { divide, sliceOf } from '../shard/division.js';
import { shardContent } from '../shard/shard-content.js';
import { writeShard } from '../shard/write-shard.js';
import { clusterMethods } from './cluster-protocol.js';
import { RankHost } from './rank-host.js';
import { ShardStore } from './shard-store.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rank-host-'));
});
afterEach(() => rm(folder, { recursive: true }));

const secret = { cluster: '0'.repeat(32), key: '0'.repeat(64) };
const opening = { threads: 1, cache: 'f16', chunkTokens: 64, spin: false, encrypts: false, ...secret };

async function accepts(port: number): Promise<boolean> {
  const socket = net.connect({ host: '127.0.0.1', port });
  try {
    return await new Promise((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    });
  } finally {
    socket.destroy();
  }
}

describe('a machine as a rank', () => {
  it('has one computing thread, however often and at once it is told to open its shard, and none behind the connection', async () => {
    await using made = await temporaryPackage(randomContent('small', smallConfig, 4, 32));
    const store = new ShardStore(folder);
    const identity = { package: '0'.repeat(64), slice: sliceOf(smallConfig, divide(smallConfig, [1, 1], 32), 1) };
    const of = { name: 'small', config: smallConfig, ...identity };
    await writeShard(store.place(identity), of, shardContent(made, identity.slice));
    const host = new RankHost({ store, host: '127.0.0.1' });
    let close = (): void => {};
    const closed = new Promise<void>((resolve) => {
      close = resolve;
    });
    const remote = { id: 'rank 0' };
    const { signal } = new AbortController();
    const ask = async (method: string, meta: object) => {
      const request = { method, meta, remote, closed, signal, tensors: new Map() };
      return await host.handler(request as unknown as Parameters<typeof host.handler>[0]);
    };
    expect(await ask(clusterMethods.offer, { shard: identity, bytes: 1, memoryBytes: 1 })).toEqual({
      meta: { sealed: true },
    });
    const ports = (await Promise.all([1, 2, 3].map(() => ask(clusterMethods.open, opening)))).map(({ meta }) =>
      Number(meta?.port),
    );
    expect(await Promise.all(ports.map(accepts))).toEqual([false, false, true]);
    close();
    await expect
      .poll(async () => await Promise.all(ports.map(accepts)), { timeout: 5_000 })
      .toEqual([false, false, false]);
    await host[Symbol.asyncDispose]();
  });
});
