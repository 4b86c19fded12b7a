import { appendFile, readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ContentStore, type Hold } from './store.js';
import { hashOf, inChunks, noise, temporaryStore } from './temporary-store.testing.js';

async function bytesOnDisk(folder: string): Promise<number> {
  let total = 0;
  for (const part of ['files', 'partial', 'new']) {
    for (const name of await readdir(join(folder, part))) total += (await readFile(join(folder, part, name))).length;
  }
  return total;
}

test('a file is found by the hash of what was put in, also after a restart', async () => {
  await using temporary = await temporaryStore();
  const bytes = noise(10_000, 1);
  using put = await temporary.store.put(inChunks(bytes), { maxBytes: bytes.length });
  expect(put.hash).toBe(hashOf(bytes));
  const again = await ContentStore.open({ folder: temporary.folder, maxBytes: 1e9 });
  using hold = await again.hold(put.hash);
  expect(hold?.bytes).toBe(bytes.length);
  expect((await readFile(hold?.path ?? '')).equals(bytes)).toBe(true);
  expect(await again.hold(hashOf(noise(1, 2)))).toBeUndefined();
});

test('whatever comes and goes, what is held stays, the limit is kept and the books agree with the disk', async () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('put' as const), file: fc.nat(7) }),
    fc.record({ kind: fc.constant('hold' as const), file: fc.nat(7) }),
    fc.record({ kind: fc.constant('release' as const), file: fc.nat(7) }),
    fc.record({ kind: fc.constant('receive' as const), file: fc.nat(7), share: fc.integer({ min: 0, max: 4 }) }),
    fc.record({ kind: fc.constant('damage' as const), file: fc.nat(7) }),
  );
  // File k has 100 * (k + 1) bytes: two or three fit.
  const files = Array.from({ length: 8 }, (_, k) => noise(100 * (k + 1), k));
  const maxBytes = 1000;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      await using temporary = await temporaryStore(maxBytes);
      const { store, folder } = temporary;
      const held: { file: number; hold: Hold }[] = [];
      const heldBytes = () => [...new Set(held.map(({ file }) => file))].reduce((sum, k) => sum + 100 * (k + 1), 0);
      for (const next of steps) {
        const bytes = files[next.file] ?? new Uint8Array();
        const hash = hashOf(bytes);
        if (next.kind === 'put') {
          const fits = heldBytes() + bytes.length <= maxBytes;
          const put = store.put(inChunks(bytes, 64), { maxBytes: bytes.length });
          if (fits) (await put)[Symbol.dispose]();
          else await expect(put).rejects.toMatchObject({ code: 'CUT_DISK_FULL' });
        } else if (next.kind === 'hold') {
          const hold = await store.hold(hash);
          if (hold !== undefined) held.push({ file: next.file, hold });
        } else if (next.kind === 'release') {
          const [entry] = held.splice(next.file, 1);
          entry?.hold[Symbol.dispose]();
          entry?.hold[Symbol.dispose]();
        } else if (next.kind === 'receive' && heldBytes() + bytes.length <= maxBytes) {
          await using incoming = await store.receive(hash, bytes.length);
          const end = Math.ceil((bytes.length * next.share) / 4);
          if (end > incoming.offset) await incoming.write(bytes.subarray(incoming.offset, end));
          if (incoming.offset === bytes.length) await incoming.finish();
        } else if (next.kind === 'damage' && !held.some(({ file }) => file === next.file)) {
          using hold = await store.hold(hash);
          if (hold === undefined) continue;
          await appendFile(hold.path, 'x');
          expect(await store.verify(hold)).toBe(false);
          expect(await store.hold(hash)).toBeUndefined();
        }
        for (const { file, hold } of held) expect(hashOf(await readFile(hold.path))).toBe(hashOf(files[file] ?? bytes));
        expect(store.usedBytes).toBeLessThanOrEqual(maxBytes);
        expect(await bytesOnDisk(folder)).toBe(store.usedBytes);
      }
      const again = await ContentStore.open({ folder, maxBytes });
      expect(again.usedBytes).toBe(store.usedBytes);
      const smaller = await ContentStore.open({ folder, maxBytes: 200 });
      expect(smaller.usedBytes).toBeLessThanOrEqual(200);
      expect(await bytesOnDisk(folder)).toBe(smaller.usedBytes);
    }),
    { numRuns: 60 },
  );
});

test('the file that was not used for longest makes room, across restarts', async () => {
  await using temporary = await temporaryStore(300);
  const [a, b, c] = [noise(100, 1), noise(100, 2), noise(150, 3)];
  for (const bytes of [a, b]) (await temporary.store.put(inChunks(bytes), { maxBytes: 100 }))[Symbol.dispose]();
  await new Promise((resolve) => setTimeout(resolve, 20));
  (await temporary.store.hold(hashOf(a)))?.[Symbol.dispose]();
  const again = await ContentStore.open({ folder: temporary.folder, maxBytes: 300 });
  (await again.put(inChunks(c), { maxBytes: 150 }))[Symbol.dispose]();
  expect(await again.hold(hashOf(a))).toBeDefined();
  expect(await again.hold(hashOf(b))).toBeUndefined();
});

test('no room is refused with the numbers, before a byte is written', async () => {
  await using temporary = await temporaryStore(1_000_000);
  using _ = await temporary.store.put(inChunks(noise(600_000, 1)), { maxBytes: 600_000 });
  const refused = temporary.store.receive(hashOf(noise(1, 1)), 500_000);
  await expect(refused).rejects.toThrow('A file needs 0.5 MB, but only 0.4 MB');
  await expect(refused).rejects.toMatchObject({ code: 'CUT_DISK_FULL' });
  expect(await bytesOnDisk(temporary.folder)).toBe(600_000);
});

test('more than the disk has is refused with the numbers', async () => {
  await using temporary = await temporaryStore(Number.MAX_SAFE_INTEGER);
  const refused = temporary.store.receive(hashOf(noise(1, 1)), 2 ** 50);
  await expect(refused).rejects.toThrow(/A file needs 1125899906.8 MB, but only [\d.]+ MB are free on the disk with/);
  expect(temporary.store.usedBytes).toBe(0);
});

test('a stream that breaks or gives too much leaves nothing', async () => {
  await using temporary = await temporaryStore();
  async function* broken() {
    yield noise(1000, 1);
    throw new Error('the source broke');
  }
  await expect(temporary.store.put(broken(), { maxBytes: 5000 })).rejects.toThrow('the source broke');
  const much = temporary.store.put(inChunks(noise(3000, 1)), { maxBytes: 2999 });
  await expect(much).rejects.toMatchObject({ code: 'CUT_CONTENT' });
  expect(await bytesOnDisk(temporary.folder)).toBe(0);
  expect(temporary.store.usedBytes).toBe(0);
});

test('what was left of a file is taken in again, and thrown away where it is not what was announced', async () => {
  await using temporary = await temporaryStore();
  const bytes = noise(5000, 1);
  const hash = hashOf(bytes);
  {
    await using incoming = await temporary.store.receive(hash, bytes.length);
    await incoming.write(bytes.subarray(0, 3000));
  }
  await truncate(join(temporary.folder, 'partial', hash), 2000);
  const again = await ContentStore.open({ folder: temporary.folder, maxBytes: 1e9 });
  {
    await using incoming = await again.receive(hash, bytes.length);
    expect(incoming.offset).toBe(2000);
    await expect(again.receive(hash, bytes.length)).rejects.toMatchObject({ code: 'CUT_INTERNAL' });
    await incoming.write(noise(3000, 9));
    await expect(incoming.finish()).rejects.toMatchObject({ code: 'CUT_CONTENT' });
    expect(incoming.offset).toBe(0);
    await incoming.write(bytes);
    await incoming.finish();
  }
  using hold = await again.hold(hash);
  expect(hashOf(await readFile(hold?.path ?? ''))).toBe(hash);
});

test('what lies in the folder under other names is no content', async () => {
  await using temporary = await temporaryStore();
  await writeFile(join(temporary.folder, 'files', 'readme.txt'), 'hello');
  const again = await ContentStore.open({ folder: temporary.folder, maxBytes: 1e9 });
  expect(again.usedBytes).toBe(0);
  const outside = '../../etc/passwd' as Hold['hash'];
  expect(await again.hold(outside)).toBeUndefined();
  await expect(again.receive(outside, 10)).rejects.toMatchObject({ code: 'CUT_INTERNAL' });
});
