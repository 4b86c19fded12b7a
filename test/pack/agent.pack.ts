import { execFile } from 'node:child_process';
import { mkdtemp, open, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { f32Values, type NamedTensors } from '@cutpoint/core';
import { inferAtAgent } from '@cutpoint/edge-agent';
import { serialiseModel } from '@cutpoint/graph';
import { connect } from '@cutpoint/wire';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { exactInput, exactModel } from '../models/exact-net.js';
import { type Packed, packAgent } from '../packed.testing.js';
import { cutpoint, Process } from '../processes.testing.js';

// Packing reads and compresses tens of megabytes, and a busy machine takes a minute for that.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const run = promisify(execFile);
const mega = 1e6;
const here = `${process.platform}-${process.arch}`;
const platforms = ['linux-x64', 'linux-arm64'];
/** e_machine in an ELF file (System V ABI). */
const machines: Readonly<Record<string, number>> = { 'linux-x64': 62, 'linux-arm64': 183 };

let folder: string;
const packed = new Map<string, Packed>();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-pack-'));
  if (process.platform !== 'linux') return;
  for (const platform of platforms) packed.set(platform, await packAgent(platform, folder));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function packedFor(platform: string): Packed {
  const found = packed.get(platform);
  if (found === undefined) throw new Error(`Nothing was packed for ${platform}.`);
  return found;
}

async function filesIn(root: string): Promise<readonly string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

async function head(file: string): Promise<Buffer> {
  await using handle = await open(file);
  return (await handle.read(Buffer.alloc(20), 0, 20, 0)).buffer;
}

describe.skipIf(process.platform !== 'linux').each(platforms)('the archive for %s', (platform) => {
  it('takes at most 60 MB, and 150 MB once it is unpacked', async () => {
    const { archive, folder } = packedFor(platform);
    expect((await stat(archive)).size).toBeLessThan(60 * mega);
    const sizes = await Promise.all((await filesIn(folder)).map(async (file) => (await stat(file)).size));
    expect(sizes.reduce((total, size) => total + size, 0)).toBeLessThan(150 * mega);
  });

  it('has the native files of this platform and no other', async () => {
    const heads = await Promise.all((await filesIn(packedFor(platform).folder)).map(head));
    const found = heads.filter((bytes) => bytes.toString('latin1', 0, 4) === '\x7fELF');
    expect(found.map((bytes) => bytes.readUInt16LE(18))).toEqual([machines[platform], machines[platform]]);
    expect(heads.filter((bytes) => bytes.toString('latin1', 0, 2) === 'MZ')).toEqual([]);
  });

  it('has the licences of all packages in it, and says which these are', async () => {
    const { folder } = packedFor(platform);
    const manifest = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')) as {
      packages: { name: string; version: string }[];
    };
    expect(manifest.packages.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['zod', 'ws', 'onnxruntime-node']),
    );
    const licences = await readFile(join(folder, 'LICENSES-of-dependencies.txt'), 'utf8');
    for (const { name, version } of manifest.packages) expect(licences).toContain(`${name} ${version} (`);
    expect(await readFile(join(folder, 'LICENSE'), 'utf8')).toContain('Apache License');
  });
});

describe.skipIf(!platforms.includes(here))('an archive for this platform', () => {
  let starter: string;
  let model: string;

  beforeAll(async () => {
    const { archive } = packedFor(here);
    const installed = await mkdtemp(join(folder, 'installed-'));
    await run('tar', ['-xzf', archive, '-C', installed]);
    const unpacked = join(installed, basename(archive, '.tar.gz'));
    await run('sha256sum', ['--check', '--quiet', 'SHA256SUMS'], { cwd: unpacked });
    starter = join(installed, 'cutpoint');
    await symlink(join(unpacked, 'bin/cutpoint'), starter);
    model = join(folder, 'model.onnx');
    await writeFile(model, serialiseModel(exactModel()));
  });

  it('is the same bytes each time', async () => {
    const again = await packAgent(here, await mkdtemp(join(folder, 'again-')));
    expect((await readFile(again.archive)).equals(await readFile(packedFor(here).archive))).toBe(true);
  });

  it('starts through a link, and says which verbs are not in it', async () => {
    expect((await run(starter, ['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    const help = (await run(starter, ['--help'])).stdout;
    expect(help).toMatch(/^ {2}agent /m);
    expect(help).not.toMatch(/^ {2}testbed /m);
    const refused = await run(starter, ['testbed']).catch((thrown: unknown) => thrown);
    expect(refused).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('"testbed" is not part of this installation'),
    });
  });

  it('runs every verb that is in it as far as its help', async () => {
    const manifest = await readFile(join(packedFor(here).folder, 'manifest.json'), 'utf8');
    const { verbs } = JSON.parse(manifest) as { verbs: string[] };
    for (const verb of verbs) expect((await run(starter, [verb, '--help'])).stdout).toContain(`cutpoint ${verb}`);
  });

  it('answers a request as the repository’s agent does, and takes at most 150 MB for that', async () => {
    const args = [model, '--at', '8', '--listen', 'ws://127.0.0.1:0', '--json'];
    const env = { CUTPOINT_CACHE_DIR: join(folder, 'cache') };
    await using installed = new Process(['agent', ...args], env, [starter]);
    await using built = cutpoint(['agent', ...args]);
    const answer = await ask(installed);
    expect(answer).toEqual(await ask(built));
    expect(new Set([...answer.values()].flatMap((tensor) => [...f32Values(tensor)])).size).toBeGreaterThan(3);
    expect(await residentBytes(installed.pid)).toBeLessThan(150 * mega);
  });

  it('isolates a segment in a process where it is told to', async () => {
    const args = ['agent', model, '--at', '8', '--isolate', '--listen', 'ws://127.0.0.1:0', '--json'];
    await using installed = new Process(args, { CUTPOINT_CACHE_DIR: join(folder, 'cache') }, [starter]);
    expect((await ask(installed)).size).toBe(1);
  });
});

async function ask(agent: Process): Promise<NamedTensors> {
  await using peer = await connect({ url: await agent.url(120_000), connectTimeoutMs: 30_000 });
  const signal = AbortSignal.timeout(30_000);
  return (await inferAtAgent(peer, exactInput(), { signal, deadlineMs: 30_000 })).outputs;
}

/** What of a process is in memory (VmRSS); Linux only. */
async function residentBytes(pid: number): Promise<number> {
  const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kibibytes) * 1024;
}
