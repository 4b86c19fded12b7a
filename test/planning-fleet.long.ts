import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSplitAnswer } from '@cutpoint/daemon';
import { connect } from '@cutpoint/wire';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { classifier, classifierInput } from './models.testing.js';
import { cutpoint, type Process } from './processes.testing.js';

const minute = 60_000;
/** The sizes of what is asked below. */
const dims = [1, 48, 192].flatMap((size, i) => ['--dim', `p2o.DynamicDimension.${i}=${size}`]);
const anyPort = ['--listen', 'ws://127.0.0.1:0', '--json', '--log-format', 'json'];
/** How many times slower than this machine. */
const slowDowns = { 'pi-slow': 30, 'pi-fast': 1 };

let folder = '';
let server: Process;
let http = '';
const agents = new Map<string, { process: Process; url: string }>();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-planning-'));
  const state = ['--fleet', join(folder, 'fleet'), '--mqtt', 'mqtt://127.0.0.1:0', '--http', '127.0.0.1:0'];
  const cache = { CUTPOINT_CACHE_DIR: join(folder, 'cache') };
  server = cutpoint(['serve', ...state, ...anyPort], cache);
  await server.url(minute);
  const said = (msg: string) => server.log().find((line) => line.msg === msg);
  http = String(said('http')?.url);
  for (const [name, slowDown] of Object.entries(slowDowns)) {
    const fleet = ['--fleet', String(said('fleet')?.broker), '--name', name, '--slow-down', String(slowDown)];
    const process = cutpoint(['agent', ...fleet, '--state', join(folder, name), ...anyPort], cache);
    agents.set(name, { process, url: await process.url(minute) });
  }
}, 3 * minute);

afterAll(async () => {
  for (const { process } of agents.values()) await process[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function say(...args: string[]) {
  await using process = cutpoint([...args, '--server', http]);
  const exit = await process.exit(8 * minute);
  const { stdout: out, stderr: err } = process;
  return { exit, out, err };
}

interface Plan {
  readonly devices: string[];
  readonly cuts: number[];
  readonly latencyMs: number;
}
interface DevicePlan {
  readonly from: string;
  readonly pick: Plan;
  readonly baselines: readonly (Plan & { readonly device: string })[];
}

/** The middle of the times that requests take which begin at a device, one after the other. */
async function measuredMs(name: string): Promise<{ ms: number; devices: readonly string[] }> {
  await using peer = await connect({ url: agents.get(name)?.url ?? '', connectTimeoutMs: 20_000 });
  const times: number[] = [];
  let devices: readonly string[] = [];
  for (let i = 0; i < 12; i += 1) {
    const began = performance.now();
    const request = { method: 'infer', meta: { model: 'net', id: `${name}-${i}` }, tensors: classifierInput(i) };
    const { meta, tensors } = await peer.request(request, { deadlineMs: 30_000 });
    times.push(performance.now() - began);
    devices = [name, ...(readSplitAnswer(meta, tensors)?.route?.devices ?? [])];
  }
  return { ms: times.sort((a, b) => a - b)[times.length >> 1] ?? 0, devices };
}

describe('a fleet that plans for itself', () => {
  it(
    'has a slow device give its work away, and measures what was predicted',
    async () => {
      const dry = await say('deploy', classifier, ...dims, '--dry-run');
      expect(dry).toMatchObject({ exit: 0, out: expect.stringContaining('Requests that begin at pi-slow') });
      expect(dry.out).toMatch(/^pi-fast: /m);
      const status = await say('status', '--json');
      expect(JSON.parse(status.out)).toMatchObject({ deployments: [] });

      const deployed = await say('deploy', classifier, ...dims, '--name', 'net', '--json');
      expect(deployed).toMatchObject({ exit: 0 });
      const { plans, phase } = JSON.parse(deployed.out) as { plans: readonly DevicePlan[]; phase: string };
      expect(phase).toBe('active');
      expect(plans.map(({ from }) => from).sort()).toEqual(['pi-fast', 'pi-slow']);
      const report = [];
      for (const { from, pick, baselines } of plans) {
        expect(baselines.map(({ device }) => device)).toEqual([from, 'server']);
        const alone = baselines.find(({ device }) => device === from)?.latencyMs ?? Number.NaN;
        const { ms, devices } = await measuredMs(from);
        report.push({ from, pick, aloneMs: alone, measuredMs: ms });
        expect(devices).toEqual(pick.devices);
        // This machine is shared by all of them, and noisy.
        expect(ms).toBeGreaterThan(pick.latencyMs / 4);
        expect(ms).toBeLessThan(pick.latencyMs * 4 + 20);
        if (from === 'pi-slow') {
          expect(pick.devices).toEqual(['pi-slow', 'server']);
          expect(ms).toBeLessThan(alone / 2);
        }
      }
      for (const { from, pick, aloneMs, measuredMs: ms } of report) {
        const [predicted, alone, found] = [pick.latencyMs, aloneMs, ms].map((each) => each.toFixed(1));
        process.stderr.write(
          `${from} by ${pick.devices.join(' > ')}: predicted ${predicted} ms (alone ${alone} ms), measured ${found} ms\n`,
        );
      }
    },
    10 * minute,
  );

  it(
    'tells what it measured, in the form that deploy reads, and refuses what is not there',
    async () => {
      const planned = await say('plan', classifier, ...dims, '--fleet', '--from', 'pi-slow', '--json');
      expect(planned).toMatchObject({ exit: 0 });
      const { plans, measured } = JSON.parse(planned.out) as {
        plans: readonly DevicePlan[];
        measured: { devices: { device: string; wholeMs: number }[]; links: { from: string; to: string }[] };
      };
      expect(plans.map(({ from }) => from)).toEqual(['pi-slow']);
      const wholeMs = Object.fromEntries(measured.devices.map(({ device, wholeMs: ms }) => [device, ms]));
      // The other agent may help, as no requests begin there now.
      expect(Object.keys(wholeMs).sort()).toEqual(['pi-fast', 'pi-slow', 'server']);
      expect((wholeMs['pi-slow'] ?? 0) / (wholeMs['pi-fast'] ?? 0)).toBeGreaterThan(8);
      expect(measured.links.map(({ from, to }) => `${from} ${to}`).sort()).toEqual([
        'pi-fast server',
        'pi-slow pi-fast',
        'pi-slow server',
      ]);

      const refused = await say('plan', classifier, ...dims, '--fleet', '--from', 'nobody');
      expect(refused).toMatchObject({ exit: 1, err: expect.stringContaining('error CUT_NOT_FOUND: No device nobody') });
      const tight = await say('plan', classifier, ...dims, '--fleet', '--from', 'pi-slow', '--max-latency-ms', '0.001');
      expect(tight).toMatchObject({ exit: 1, err: expect.stringContaining('error CUT_INFEASIBLE: ') });
    },
    10 * minute,
  );
});
