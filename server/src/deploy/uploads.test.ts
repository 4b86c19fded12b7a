import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ContentStore, contentHash } from '@cutpoint/control';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Uploads } from './uploads.js';

let folder: string;
let content: ContentStore;
let uploads: Uploads;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-uploads-'));
  content = await ContentStore.open({ folder, maxBytes: 1e6 });
  uploads = new Uploads({ content });
});
afterEach(async () => {
  await uploads[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

const hashOf = (bytes: Uint8Array) => contentHash.parse(createHash('sha256').update(bytes).digest('hex'));

async function* chunksOf(bytes: Uint8Array, fail?: Error) {
  for (let at = 0; at < bytes.length; at += 1000) yield bytes.subarray(at, at + 1000);
  if (fail !== undefined) throw fail;
}

const send = (bytes: Uint8Array, from: number, to: number, hash = hashOf(bytes), fail?: Error) =>
  uploads.take({ hash, bytes: bytes.length, offset: from, chunks: chunksOf(bytes.subarray(from, to), fail) });

it('puts a file together out of parts of any size, also where the server begins anew in between', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 9000 }),
      fc.array(fc.integer({ min: 0, max: 9000 })),
      async (size, at) => {
        const bytes = randomBytes(size);
        const ends = [...at.map((end) => Math.min(end, size)).sort((a, b) => a - b), size];
        let from = 0;
        for (const [i, end] of ends.entries()) {
          if (i % 2 === 1) {
            await uploads[Symbol.asyncDispose]();
            uploads = new Uploads({ content });
          }
          const state = await send(bytes, from, end);
          expect(state).toEqual({ hash: hashOf(bytes), complete: end === size, receivedBytes: end });
          if (state.complete) break;
          from = end;
        }
        using hold = await content.hold(hashOf(bytes));
        expect(hold && (await readFile(hold.path)).equals(bytes)).toBe(true);
      },
    ),
    { numRuns: 25 },
  );
});

it('goes on after a connection that ended, and says where', async () => {
  const bytes = randomBytes(5000);
  await expect(send(bytes, 0, 2000, hashOf(bytes), new Error('gone'))).rejects.toThrow('gone');
  expect(await uploads.look(hashOf(bytes))).toMatchObject({ complete: false, receivedBytes: 2000 });
  await expect(send(bytes, 0, 5000)).rejects.toMatchObject({
    code: 'CUT_CONFLICT',
    message: expect.stringContaining('goes on at byte 2000'),
  });
  expect(await send(bytes, 2000, 5000)).toMatchObject({ complete: true });
});

it('keeps nothing that is not what its hash says, too long, or too large for the store', async () => {
  const [bytes, other] = [randomBytes(3000), randomBytes(3000)];
  await expect(send(bytes, 0, 3000, hashOf(other))).rejects.toMatchObject({ code: 'CUT_CONTENT' });
  expect(await content.hold(hashOf(other))).toBeUndefined();
  expect(await send(other, 0, 3000)).toMatchObject({ complete: true });
  const long = { hash: hashOf(bytes), bytes: 100, offset: 0, chunks: chunksOf(bytes) };
  await expect(uploads.take(long)).rejects.toMatchObject({ code: 'CUT_CONTENT' });
  const large = { ...long, bytes: 2e6 };
  await expect(uploads.take(large)).rejects.toMatchObject({ code: 'CUT_DISK_FULL' });
  expect(await send(bytes, 0, 3000)).toMatchObject({ complete: true });
});

it('takes a file from one caller at a time, and few files at once', async () => {
  const bytes = randomBytes(3000);
  let release = (): void => undefined;
  async function* held() {
    yield bytes.subarray(0, 1000);
    await new Promise<void>((resolve) => {
      release = resolve;
    });
    yield bytes.subarray(1000);
  }
  const first = uploads.take({ hash: hashOf(bytes), bytes: 3000, offset: 0, chunks: held() });
  await expect.poll(() => uploads.look(hashOf(bytes))).toMatchObject({ receivedBytes: 1000 });
  await expect(send(bytes, 1000, 3000)).rejects.toMatchObject({ code: 'CUT_CONFLICT' });
  release();
  expect(await first).toMatchObject({ complete: true });
  const begun = Array.from({ length: 17 }, () => randomBytes(2000));
  const outcomes = await Promise.allSettled(begun.map((each) => send(each, 0, 1000)));
  expect(outcomes.map(({ status }) => status).sort()).toEqual(
    ['fulfilled', 'rejected'].flatMap((s, i) => Array(i ? 1 : 16).fill(s)),
  );
  expect(outcomes.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'CUT_OVERLOADED' } });
});

it('keeps what was sent from being removed for others until it is deployed', async () => {
  const bytes = randomBytes(600_000);
  await send(bytes, 0, bytes.length);
  await expect(send(randomBytes(600_000), 0, 600_000)).rejects.toMatchObject({ code: 'CUT_DISK_FULL' });
  expect(await uploads.look(hashOf(bytes))).toMatchObject({ complete: true });
});
