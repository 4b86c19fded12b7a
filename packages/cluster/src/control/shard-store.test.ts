import { mkdtemp, open, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomContent } from '@cutpoint/llm';
import { writePart } from '@cutpoint/llm/parts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type TemporaryPackage, temporaryPackage } from '../../../llm/src/decode/random-package.testing.js';
import { smallConfig } from '../../../llm/src/package/small-decoder.testing.js';
import type { Shard } from '../engine/half-sessions.js';
import { divide, sliceOf } from '../shard/division.js';
import { type ShardContent, shardContent } from '../shard/shard-content.js';
import { shardFormat, shardVersion } from '../shard/shard-manifest.js';
import { halfPath, shardBytes } from '../shard/write-shard.js';
import type { ShardIdentity } from './cluster-protocol.js';
import type { GrowingShard } from './growing-shard.js';
import { ShardStore } from './shard-store.js';

const about = { name: 'small', config: smallConfig };
const division = divide(smallConfig, [1, 1], 32);

let made: TemporaryPackage;
beforeAll(async () => {
  made = await temporaryPackage(randomContent('small', smallConfig, 4, 32));
});
afterAll(async () => await made[Symbol.asyncDispose]());

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shard-store-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** Rank 0's of some package; what is in it is the same for all. */
function shardOf(hash: string): { identity: ShardIdentity; content: ShardContent } {
  const slice = sliceOf(smallConfig, division, 0);
  return { identity: { package: hash.repeat(64), slice }, content: shardContent(made, slice) };
}

async function makeIn(store: ShardStore, { identity, content }: ReturnType<typeof shardOf>): Promise<Shard> {
  return await store.make({ ...identity, ...about }, content);
}

/** Sends all files of a shard. @returns bytes that were there already. */
async function send(growing: GrowingShard, { halves, head }: ShardContent): Promise<number> {
  let thereBytes = 0;
  const contents = [...halves.map((half, i) => [halfPath(i), half] as const), ['head.bin', head ?? {}] as const];
  for (const [path, content] of contents) {
    const file = join(folder, 'part.bin');
    const part = await writePart<string>(file, path, content);
    const have = await growing.begin(part);
    thereBytes += have;
    if (have < part.bytes) await growing.write(path, have, (await readFile(file)).subarray(have));
    await rm(file);
  }
  return thereBytes;
}

async function seal(growing: GrowingShard, { halves }: ShardContent): Promise<Shard> {
  const paths = [...halves.map((_, i) => halfPath(i)), 'head.bin'];
  return await growing.seal({ format: shardFormat, version: shardVersion, ...about }, paths);
}

async function flipByte(path: string): Promise<void> {
  await using file = await open(path, 'r+');
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, 100);
  byte[0] = (byte[0] ?? 0) ^ 1;
  await file.write(byte, 0, 1, 100);
}

describe('a shard that changed on the disk', () => {
  it.each(['layers/000.attention.bin', 'head.bin', 'shard.json'])(
    'is removed and said, and can be made anew: a byte of %s',
    async (path) => {
      const said: string[] = [];
      const shard = shardOf('a');
      const { folder: place } = await makeIn(new ShardStore(folder), shard);
      await flipByte(join(place, path));
      const store = new ShardStore(folder, { onDamaged: (what) => said.push(what) });
      expect(await store.find(shard.identity)).toBeUndefined();
      expect(said).toEqual([expect.stringContaining(path)]);
      expect(await readdir(folder)).toEqual([]);
      await makeIn(store, shard);
      expect(await store.find(shard.identity)).toMatchObject({ folder: place });
    },
  );

  it('is noticed where its length and times are as they were', async () => {
    const shard = shardOf('a');
    const { folder: place } = await makeIn(new ShardStore(folder), shard);
    const path = join(place, 'head.bin');
    const { atime, mtime } = await stat(path);
    await flipByte(path);
    await utimes(path, atime, mtime);
    expect(await new ShardStore(folder).find(shard.identity)).toBeUndefined();
  });

  it('is hashed once only while it stays as it is', async () => {
    const shard = shardOf('a');
    const { folder: place } = await makeIn(new ShardStore(folder), shard);
    const { atime } = await stat(join(place, 'head.bin'));
    const before = await stat(join(place, 'checked'));
    await utimes(join(place, 'head.bin'), atime, new Date(0));
    await new ShardStore(folder).find(shard.identity);
    const hashed = await stat(join(place, 'checked'));
    expect(hashed.mtimeMs).toBeGreaterThan(before.mtimeMs);
    await new ShardStore(folder).find(shard.identity);
    expect((await stat(join(place, 'checked'))).mtimeMs).toBe(hashed.mtimeMs);
  });
});

describe('a shard that several bring at once', () => {
  it('is that of the first to have it whole, for all who make it', async () => {
    const shard = shardOf('a');
    const all = await Promise.all([1, 2, 3].map(() => makeIn(new ShardStore(folder), shard)));
    for (const each of all) expect(each).toEqual(all[0]);
    expect(await readdir(folder)).toHaveLength(1);
  });

  it('grows at each in a folder of its own, and is that of the first to seal it', async () => {
    const { identity, content } = shardOf('a');
    const stores = [new ShardStore(folder), new ShardStore(folder)];
    const growing = await Promise.all(stores.map((store) => store.receive(identity, shardBytes(content))));
    for (const each of growing) expect(await send(each, content)).toBe(0);
    const [first, second] = await Promise.all(growing.map((each) => seal(each, content)));
    expect(second).toEqual(first);
    expect(await readdir(folder)).toHaveLength(1);
  });

  it('goes on where it was left', async () => {
    const { identity, content } = shardOf('a');
    const store = new ShardStore(folder);
    const left = await store.receive(identity, shardBytes(content));
    await send(left, content);
    await left[Symbol.asyncDispose]();
    const growing = await store.receive(identity, shardBytes(content));
    expect(await send(growing, content)).toBe(shardBytes(content));
    await seal(growing, content);
  });

  it('goes on where a process was that is gone', async () => {
    const { identity, content } = shardOf('a');
    const store = new ShardStore(folder);
    const left = await store.receive(identity, shardBytes(content));
    await send(left, content);
    await left[Symbol.asyncDispose]();
    // No process has so large an id.
    const gone = `${store.place(identity)}.999999999-00000000.partial`;
    await rename(`${store.place(identity)}.partial`, gone);
    expect(await send(await store.receive(identity, shardBytes(content)), content)).toBe(shardBytes(content));
  });
});

describe('a shard that is sent', () => {
  it('is refused from where it takes more than was offered', async () => {
    const { identity, content } = shardOf('a');
    const growing = await new ShardStore(folder).receive(identity, shardBytes(content) - 1);
    await expect(send(growing, content)).rejects.toMatchObject({
      code: 'CUT_INPUT',
      message: expect.stringContaining(`but ${shardBytes(content) - 1} were offered`),
    });
  });

  it('is refused before anything comes if the disk lacks so much, and leaves nothing', async () => {
    const { identity } = shardOf('a');
    await expect(new ShardStore(folder).receive(identity, 1e15)).rejects.toMatchObject({ code: 'CUT_DISK_FULL' });
    expect((await readdir(folder)).filter((name) => !name.endsWith('.partial'))).toEqual([]);
  });
});

describe('a store that may take so many bytes', () => {
  const bytes = () => shardBytes(shardOf('a').content);
  /** Room for two shards, their manifests included, and not for three. */
  const forTwo = () => ({ mostBytes: Math.floor(bytes() * 2.8) });

  async function receiveInto(store: ShardStore, shard: ReturnType<typeof shardOf>): Promise<Shard> {
    const growing = await store.receive(shard.identity, shardBytes(shard.content));
    await send(growing, shard.content);
    return await seal(growing, shard.content);
  }

  it('removes the shard that was used least lately', async () => {
    const store = new ShardStore(folder, forTwo());
    const [a, b, c] = [shardOf('a'), shardOf('b'), shardOf('c')];
    for (const each of [a, b]) {
      await store.letGo(await receiveInto(store, each));
    }
    const again = await store.find(a.identity);
    if (again === undefined) throw new Error('The shard is missing.');
    await store.letGo(again);
    await receiveInto(store, c);
    expect(await store.find(b.identity)).toBeUndefined();
    expect(await store.find(a.identity)).toBeDefined();
  });

  it('never removes one that is in use, by another process as well, and then refuses more', async () => {
    const store = new ShardStore(folder, forTwo());
    const [a, b, c] = [shardOf('a'), shardOf('b'), shardOf('c')];
    const used = await receiveInto(store, a);
    const others = await receiveInto(store, b);
    await store.letGo(others);
    // The process that started this one lives.
    await writeFile(join(others.folder, `used.${process.ppid}-00000000`), '');
    await expect(store.receive(c.identity, bytes())).rejects.toMatchObject({
      code: 'CUT_DISK_FULL',
      message: expect.stringContaining('--shards-mb'),
    });
    expect(await store.find(b.identity)).toBeDefined();
    await store.letGo(used);
    await receiveInto(store, c);
    expect(await store.find(a.identity)).toBeUndefined();
  });

  it('counts what came of a shard, and removes it too', async () => {
    const store = new ShardStore(folder, forTwo());
    for (const hash of ['a', 'b', 'c', 'd']) {
      const shard = shardOf(hash);
      const growing = await store.receive(shard.identity, bytes());
      await send(growing, shard.content);
      await growing[Symbol.asyncDispose]();
    }
    expect(await readdir(folder)).toHaveLength(2);
  });
});
