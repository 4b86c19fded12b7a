import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildModel, externalWeight, node, serialiseModel, tensorValue, weight } from '@cutpoint/graph';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cutpoint, type Process } from './processes.testing.js';
import { makeTinyModel, type TinyModel } from './tiny-model.testing.js';

/** Two layers of 19 MB each: more than pi-2 may keep. */
function largeModel(): Uint8Array {
  const side = 2200;
  const square = (seed: number) => Float32Array.from({ length: side * side }, (_, i) => Math.sin(i * seed));
  return serialiseModel(
    buildModel({
      inputs: [tensorValue('x', 'f32', [1, side])],
      outputs: [tensorValue('y', 'f32', [1, side])],
      initializers: [weight('v', 'f32', [side, side], square(1)), weight('w', 'f32', [side, side], square(2))],
      nodes: [node('MatMul', ['x', 'v'], ['a']), node('MatMul', ['a', 'w'], ['y'])],
    }),
  );
}

/** A convolution of pictures whose weights lie in a file of their own. */
function withWeightsBeside(): { model: Uint8Array; weights: Uint8Array<ArrayBuffer> } {
  const values = Float32Array.from({ length: 64 * 3 * 3 * 3 }, (_, i) => Math.sin(i));
  const model = serialiseModel(
    buildModel({
      inputs: [tensorValue('x', 'f32', [1, 3, 8, 8])],
      outputs: [tensorValue('y', 'f32', [1, 64, 6, 6])],
      initializers: [externalWeight('w', 'f32', [64, 3, 3, 3], { location: 'data/w.bin', offset: 0 })],
      nodes: [node('Conv', ['x', 'w'], ['a']), node('Relu', ['a'], ['y'])],
    }),
  );
  return { model, weights: new Uint8Array(values.buffer) };
}

const anyPort = ['--listen', 'ws://127.0.0.1:0', '--json', '--log-format', 'json'];
const minute = 60_000;

let folder = '';
let tiny: TinyModel;
let server: Process;
let agents: readonly Process[];
let http = '';

beforeAll(async () => {
  tiny = await makeTinyModel();
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-verbs-'));
  await copyFile(tiny.model.file.path, join(folder, 'Tiny Net.onnx'));
  const state = ['--fleet', join(folder, 'fleet'), '--mqtt', 'mqtt://127.0.0.1:0', '--http', '127.0.0.1:0'];
  server = cutpoint(['serve', ...state, ...anyPort]);
  await server.url();
  const said = (msg: string) => server.log().find((line) => line.msg === msg);
  http = String(said('http')?.url);
  agents = ['pi-1', 'pi-2'].map((name) =>
    cutpoint([
      ...['agent', '--fleet', String(said('fleet')?.broker), '--name', name],
      ...['--state', join(folder, name), ...(name === 'pi-2' ? ['--cache-mb', '16'] : []), ...anyPort],
    ]),
  );
  for (const agent of agents) await agent.url();
}, 2 * minute);

afterAll(async () => {
  for (const agent of agents ?? []) await agent[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
  await tiny?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

interface Said {
  readonly exit: number | string;
  readonly out: string;
  readonly err: string;
  readonly json: () => Record<string, unknown>;
}

async function say(...args: string[]): Promise<Said> {
  await using process = cutpoint([...args, '--server', http]);
  const exit = await process.exit(minute);
  const { stdout: out, stderr: err } = process;
  return { exit, out, err, json: () => JSON.parse(out) as Record<string, unknown> };
}

const model = () => join(folder, 'Tiny Net.onnx');

describe('a fleet by its verbs', () => {
  it(
    'gets a model that is sent once, says what runs where, goes back, and lets go',
    async () => {
      const first = await say('deploy', model(), '--at', '2', '--on', 'pi-1,pi-2', '--local-fallback', '--json');
      expect(first).toMatchObject({ exit: 0, err: expect.stringMatching(/^sent [\d.]+ KB to /) });
      expect(first.json()).toMatchObject({ name: 'tiny-net', phase: 'active', devices: ['pi-1', 'pi-2', 'server'] });
      expect(first.json().sentBytes).toBeGreaterThan(32_000);
      const { generation } = first.json() as { generation: number };

      const again = await say('deploy', model(), '--at', '3', '--on', 'pi-1,pi-2', '--no-on-server', '--json');
      expect(again.json()).toMatchObject({ sentBytes: 0, devices: ['pi-1', 'pi-2'], generation: generation + 1 });

      const status = await say('status');
      expect(status.out).toMatch(/^devices +3 online\ngeneration +\d+ is active$/m);
      expect(status.out).toMatch(/^tiny-net +Tiny Net +[0-9a-f]{12} +pi-1, pi-2$/m);
      expect(status.out).toMatch(/^tiny-net +pi-1 +pi-1 \| 3 raw \| pi-2$/m);
      expect(status.out).toContain('note: Devices are not paired');

      const back = await say('rollback', 'tiny-net');
      expect(back).toMatchObject({ exit: 0, out: `tiny-net is what it was before. (generation ${generation + 2})\n` });
      const deployments = (await say('status', '--json')).json().deployments;
      const alone = { at: [], codecs: [], chain: [], there: true };
      expect(deployments).toEqual([
        {
          name: 'tiny-net',
          model: { name: 'Tiny Net', hash: tiny.model.file.hash },
          devices: ['pi-1', 'pi-2', 'server'],
          begins: [
            { device: 'pi-1', there: true, ways: [{ at: [2], codecs: ['raw'], chain: ['pi-2'], there: true }, alone] },
            { device: 'server', there: true, ways: [alone] },
          ],
        },
      ]);
      const infer = await fetch(`${http}/v2/models/tiny-net`);
      expect([infer.status, await infer.json()]).toEqual([200, expect.objectContaining({ name: 'tiny-net' })]);

      expect(await say('undeploy', 'tiny-net')).toMatchObject({ exit: 0 });
      expect((await say('status')).out).toContain('Nothing is deployed.');
      const none = await say('undeploy', 'tiny-net');
      expect(none).toMatchObject({
        exit: 1,
        err: expect.stringContaining('error CUT_DEPLOYMENT: There is no deployment'),
      });
      expect((await say('rollback', 'other')).err).toContain('error CUT_DEPLOYMENT: ');
    },
    3 * minute,
  );

  it(
    'takes a plan with spares, and waits for nobody where that is not wanted',
    async () => {
      const plan = { pick: { devices: ['pi-1', 'pi-2'], cuts: [2], codecs: ['f16'] }, front: [], baselines: [] };
      await writeFile(join(folder, 'plan.json'), JSON.stringify(plan));
      const placed = ['--plan', join(folder, 'plan.json'), '--spare', 'server', '--name', 'planned'];
      const deployed = await say('deploy', model(), ...placed, '--json');
      expect(deployed.json()).toMatchObject({ phase: 'active', devices: ['pi-1', 'pi-2', 'server'] });
      const left = await say('undeploy', 'planned', '--no-wait');
      expect(left).toMatchObject({ exit: 0, out: expect.stringContaining('is on its way') });
    },
    2 * minute,
  );

  it(
    'ends with the reason of the device that refuses, and leaves all as it was',
    async () => {
      await writeFile(join(folder, 'large.onnx'), largeModel());
      const refused = await say('deploy', join(folder, 'large.onnx'), '--at', '1', '--on', 'pi-1,pi-2');
      expect([refused.exit, refused.out]).toEqual([1, '']);
      expect(refused.err).toMatch(
        /^error CUT_DISK_FULL: large was not deployed, and all is as it was\. pi-2: .*16\.0 MB/m,
      );
      const { rollout } = (await say('status', '--json')).json() as { rollout: Record<string, unknown> };
      expect(rollout).toMatchObject({ problem: { device: 'pi-2', code: 'CUT_DISK_FULL' } });
      expect((await say('status')).out).toMatch(/^problem +pi-2: .* \(CUT_DISK_FULL\)$/m);
      const alone = await say('deploy', join(folder, 'large.onnx'), '--on', 'pi-1', '--no-on-server', '--json');
      expect(alone.json()).toMatchObject({ phase: 'active', devices: ['pi-1'], sentBytes: 0 });
      await say('undeploy', 'large');
    },
    2 * minute,
  );

  it(
    'sends weights beside the model and its preprocessing, and goes on with a file that was begun',
    async () => {
      const { model: made, weights } = withWeightsBeside();
      await mkdir(join(folder, 'beside', 'data'), { recursive: true });
      await writeFile(join(folder, 'beside', 'net.onnx'), made);
      await writeFile(join(folder, 'beside', 'data', 'w.bin'), weights);
      await writeFile(join(folder, 'beside', 'net.preprocessing.json'), JSON.stringify({ input: 'x', scale: 0.5 }));
      const hash = createHash('sha256').update(weights).digest('hex');
      const begun = await fetch(`${http}/v1/files/${hash}?offset=0&bytes=${weights.length}`, {
        method: 'PUT',
        body: weights.subarray(0, 1000),
        headers: { 'content-type': 'application/octet-stream' },
      });
      expect(await begun.json()).toMatchObject({ complete: false, receivedBytes: 1000 });
      const path = join(folder, 'beside', 'net.onnx');
      const deployed = await say('deploy', path, '--at', '0', '--on', 'pi-1,server', '--json');
      expect(deployed.json()).toMatchObject({ phase: 'active', devices: ['pi-1', 'server'] });
      const declared = Buffer.byteLength(JSON.stringify({ input: 'x', scale: 0.5 }));
      expect(deployed.json().sentBytes).toBe(made.length + weights.length - 1000 + declared);
      await say('undeploy', 'net');
    },
    2 * minute,
  );

  it(
    'shows the last lines of a log, of agents and of the server',
    async () => {
      const shown = await say('logs', 'pi-1', '--lines', '1000');
      expect(shown.out).toMatch(/^\d\d:\d\d:\d\d {2}info {3}agent {2}ready {2}url=ws:/m);
      const { lines } = (await say('logs', 'server', '--lines', '3', '--json')).json() as { lines: string[] };
      expect(lines.length).toBe(3);
      for (const line of lines) expect(JSON.parse(line)).toMatchObject({ name: 'serve' });
      await using following = cutpoint(['logs', 'pi-1', '--lines', '1', '--follow', '--server', http]);
      await expect.poll(() => following.stdout, { timeout: 20_000 }).toMatch(/\n/);
      await say('deploy', model(), '--on', 'pi-1', '--no-on-server');
      await expect
        .poll(() => following.stdout, { timeout: 20_000 })
        .toMatch(/desired {2}generation=\d+ {2}assignments=1$/m);
      await say('undeploy', 'tiny-net');
      following.kill('SIGINT');
      expect(await following.exit(20_000)).toBe(0);
      expect(await say('logs', 'pi-9')).toMatchObject({
        exit: 1,
        err: expect.stringMatching(/^error CUT_\w+: .*pi-9/),
      });
    },
    2 * minute,
  );

  it.each<[string, string[], string]>([
    ['a codec without a cut', ['--codec', 'f16'], 'error CUT_USAGE: --codec needs --at and --on'],
    ['a cut without devices', ['--at', '2'], 'error CUT_USAGE: --at needs --on'],
    ['a device that is not there', ['--at', '2', '--on', 'pi-1,pi-9'], 'error CUT_NOT_FOUND: There is no device pi-9'],
    ['a cut that the model has not', ['--at', '99', '--on', 'pi-1,pi-2'], 'error CUT_ILLEGAL_CUT: '],
    ['a table that is not given', ['--at', '2', '--on', 'pi-1,pi-2', '--codec', 'transform:t=abc'], 'error CUT_'],
    ['a plan that is none', ['--plan', 'package.json'], 'error CUT_DEPLOYMENT: '],
  ])(
    'refuses %s in a sentence',
    async (_, args, words) => {
      const refused = await say('deploy', model(), ...args);
      expect([refused.exit, refused.out]).toEqual([expect.any(Number), '']);
      expect(refused.exit).not.toBe(0);
      expect(refused.err).toContain(words);
      expect(refused.err).not.toMatch(/^\s+at /m);
    },
    minute,
  );
});
