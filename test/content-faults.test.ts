import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ContentFetcher, ContentStore, contentHandler } from '@cutpoint/control';
import { expect, test } from 'vitest';

const bytes = randomBytes(4_000_000);
const deadlineMs = 60_000;

async function temporaryFolder() {
  const path = await mkdtemp(join(tmpdir(), 'cutpoint-faults-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** Serves the bytes, and says which ranges were asked for. */
async function origin(folder: string, slow: boolean) {
  const store = await ContentStore.open({ folder, maxBytes: 1e9 });
  using hold = await store.put(chunks(), { maxBytes: bytes.length });
  const handler = contentHandler({ store });
  const ranges: (string | undefined)[] = [];
  const server = createServer(async (request, response) => {
    ranges.push(request.headers.range);
    if (slow) {
      response.writeHead(200, { 'content-length': bytes.length });
      for (let at = 0; at < bytes.length && !response.destroyed; at += 100_000) {
        response.write(bytes.subarray(at, at + 100_000));
        await sleep(50);
      }
      return;
    }
    await handler(request, response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = async () => {
    server.closeAllConnections();
    server.close();
  };
  return { url, hash: hold.hash, ranges, [Symbol.asyncDispose]: close };
}

async function* chunks() {
  yield bytes;
}

/** A process of its own that fetches the file and says how that ended. */
function fetchProcess(folder: string, url: string, hash: string): string {
  return `
    import { ContentFetcher, ContentStore } from '@cutpoint/control';
    const store = await ContentStore.open({ folder: ${JSON.stringify(folder)}, maxBytes: 1e9 });
    const fetcher = new ContentFetcher({ store, urls: () => ['${url}'] });
    const file = { hash: '${hash}', bytes: ${bytes.length} };
    const outcome = await fetcher.fetch(file, { deadlineMs: ${deadlineMs} }).then(() => 'fetched', (e) => e.code + ' ' + e.message);
    console.log(outcome);
    process.exit(0);`;
}

function start(command: string, args: readonly string[]): ChildProcess & AsyncDisposable {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const gone = once(child, 'close');
  const end = async () => {
    child.kill('SIGKILL');
    await gone;
  };
  return Object.assign(child, { [Symbol.asyncDispose]: end });
}

const node = (program: string) => ['--input-type=module', '-e', program];

test('after kill -9 in the middle of a transfer the rest is fetched, and the file is whole', async () => {
  await using here = await temporaryFolder();
  await using there = await temporaryFolder();
  await using slow = await origin(there.path, true);
  const partial = join(here.path, 'partial', slow.hash);
  {
    await using child = start(process.execPath, node(fetchProcess(here.path, slow.url, slow.hash)));
    await expect
      .poll(
        () =>
          stat(partial).then(
            ({ size }) => size,
            () => 0,
          ),
        { timeout: 60_000 },
      )
      .toBeGreaterThan(500_000);
    child.kill('SIGKILL');
  }
  const { size } = await stat(partial);
  expect(size).toBeLessThan(bytes.length);
  await using quick = await origin(there.path, false);
  const store = await ContentStore.open({ folder: here.path, maxBytes: 1e9 });
  const fetcher = new ContentFetcher({ store, urls: () => [quick.url] });
  using hold = await fetcher.fetch({ hash: quick.hash, bytes: bytes.length }, { deadlineMs });
  expect(await store.verify(hold)).toBe(true);
  expect(quick.ranges).toEqual([`bytes=${size}-`]);
});

const mayMount = spawnSync('unshare', ['-rm', 'true']).status === 0;

/** Ends with what the process said and what is left on a disk of so many bytes, of which `used` are taken. */
async function onSmallDisk(program: string, folder: string, used: number): Promise<string> {
  const script = `
    mount -t tmpfs -o size=3m tmpfs "$1" && mkdir "$1/store" && head -c ${used} /dev/zero > "$1/other" &&
    "$2" --input-type=module -e "$3" && find "$1/store" -type f | wc -l`;
  const child = start('unshare', ['-rm', 'sh', '-c', script, 'sh', folder, process.execPath, program]);
  await using _ = child;
  let said = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  await once(child, 'close');
  return said;
}

test.skipIf(!mayMount)(
  'a disk too small is refused with the numbers (skipped where nothing can be mounted)',
  async () => {
    await using here = await temporaryFolder();
    await using there = await temporaryFolder();
    await using served = await origin(there.path, false);
    const said = await onSmallDisk(fetchProcess(join(here.path, 'store'), served.url, served.hash), here.path, 0);
    expect(said).toMatch(/^CUT_DISK_FULL A file needs 4\.0 MB, but only 3\.[01] MB are free on the disk with .*\n0\n$/);
  },
);

test.skipIf(!mayMount)(
  'a disk that fills up in the middle gives a clear error and keeps no half file (skipped where nothing can be mounted)',
  async () => {
    await using here = await temporaryFolder();
    const folder = join(here.path, 'store');
    const program = `
      import { writeFileSync } from 'node:fs';
      import { ContentStore } from '@cutpoint/control';
      const store = await ContentStore.open({ folder: ${JSON.stringify(folder)}, maxBytes: 1e9 });
      async function* source() {
        yield new Uint8Array(1000000);
        writeFileSync(${JSON.stringify(join(here.path, 'more'))}, new Uint8Array(1500000));
        yield new Uint8Array(1000000);
      }
      console.log(await store.put(source(), { maxBytes: 2500000 }).then(() => 'put', (e) => e.code + ' ' + e.message));
      console.log(store.usedBytes);`;
    const said = await onSmallDisk(program, here.path, 0);
    expect(said).toMatch(/^CUT_DISK_FULL The disk with .* is full: free space there.*\n0\n0\n$/);
  },
);

test('what a put that was killed left behind is gone after the next start', async () => {
  await using here = await temporaryFolder();
  await ContentStore.open({ folder: here.path, maxBytes: 1e9 });
  await writeFile(join(here.path, 'new', 'half'), 'half');
  await ContentStore.open({ folder: here.path, maxBytes: 1e9 });
  expect(await readdir(join(here.path, 'new'))).toEqual([]);
});
