import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cutpoint, type Process } from './processes.testing.js';
import { makeTinyModel, type TinyModel } from './tiny-model.testing.js';

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
      ...['--state', join(folder, name), ...anyPort],
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
      expect(status.out).toContain('note: Devices are not paired');

      const back = await say('rollback', 'tiny-net');
      expect(back).toMatchObject({ exit: 0, out: `tiny-net is what it was before. (generation ${generation + 2})\n` });
      const deployments = (await say('status', '--json')).json().deployments;
      expect(deployments).toEqual([
        {
          name: 'tiny-net',
          model: { name: 'Tiny Net', hash: tiny.model.file.hash },
          devices: ['pi-1', 'pi-2', 'server'],
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
    'shows the last lines of a log, of agents and of the server',
    async () => {
      const shown = await say('logs', 'pi-1', '--lines', '1000');
      expect(shown.out).toMatch(/^\d\d:\d\d:\d\d {2}info {3}agent {2}ready {2}url=ws:/m);
      const { lines } = (await say('logs', 'server', '--lines', '3', '--json')).json() as { lines: string[] };
      expect(lines.length).toBe(3);
      for (const line of lines) expect(JSON.parse(line)).toMatchObject({ name: 'serve' });
      expect(await say('logs', 'pi-9')).toMatchObject({
        exit: 1,
        err: expect.stringMatching(/^error CUT_\w+: .*pi-9/),
      });
    },
    2 * minute,
  );

  it.each<[string, string[], string]>([
    ['nothing said', [], 'error CUT_USAGE: Say where Tiny Net.onnx shall run: with --plan FILE'],
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
