import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CommandAction } from '@cutpoint/control/browser';
import type { DType, NamedTensors } from '@cutpoint/core';
import { probePeer, timeRemotely } from '@cutpoint/profile/browser';
import { loadSegment } from '@cutpoint/runtime';
import { randomInputs } from '@cutpoint/runtime/browser';
import { connect } from '@cutpoint/wire';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newIdentity, openPage } from '../server/src/fleet/pages.testing.js';
import { classifier } from './models.testing.js';
import { cutpoint, type Process, until } from './processes.testing.js';

const minute = 60_000;
const dims = [1, 48, 192].flatMap((size, i) => ['--dim', `p2o.DynamicDimension.${i}=${size}`]);
const anyPort = ['--listen', 'ws://127.0.0.1:0', '--json', '--log-format', 'json'];

let folder = '';
let server: Process;
let http = '';
let wire = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-page-plans-'));
  const state = ['--fleet', join(folder, 'fleet'), '--mqtt', 'mqtt://127.0.0.1:0', '--http', '127.0.0.1:0'];
  server = cutpoint(['serve', ...state, ...anyPort], { CUTPOINT_CACHE_DIR: join(folder, 'cache') });
  wire = await server.url(minute);
  http = String(server.log().find((line) => line.msg === 'http')?.url);
}, 2 * minute);
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

/** Does what a page is commanded, with the runtime of Node, so many times slower. */
function runtimeOf(slower: number) {
  const load = async ({ hash }: { hash: string }) => {
    const model = new Uint8Array(await (await fetch(new URL(`/v1/content/${hash}`, http))).arrayBuffer());
    expect(createHash('sha256').update(model).digest('hex')).toBe(hash);
    const segment = await loadSegment({ kind: 'bytes', model }, {});
    return {
      async run(inputs: NamedTensors) {
        const began = performance.now();
        const wanted = new Set(segment.inputs.map(({ name }) => name));
        const { outputs } = await segment.run(new Map([...inputs].filter(([name]) => wanted.has(name))));
        return { outputs, ms: (performance.now() - began) * slower };
      },
      [Symbol.asyncDispose]: async () => await segment.dispose(),
    };
  };
  return async (action: CommandAction, signal: AbortSignal): Promise<readonly string[]> => {
    switch (action.kind) {
      case 'describe-runtime':
        return [JSON.stringify({ name: 'onnxruntime-web', version: '1.30.0', provider: 'wasm', threads: 1 })];
      case 'time-segments': {
        const { whole, segments, inputs, rounds } = action;
        const specs = inputs.map(({ name, dtype, shape }) => ({ name, dtype: dtype as DType, shape, declared: shape }));
        const own = { whole: () => load(whole), segments: segments.map((one) => () => load(one)) };
        return [JSON.stringify(await timeRemotely({ ...own, inputs: randomInputs(specs), rounds, signal }))];
      }
      case 'probe-link': {
        await using peer = await connect({ url: wire, connectTimeoutMs: 20_000 });
        return (
          JSON.stringify(await probePeer(peer, 'server', { budgetMs: action.probeMs, signal })).match(/.{1,4000}/g) ??
          []
        );
      }
      default:
        return [];
    }
  };
}

describe('a page in a plan', () => {
  it(
    'is measured by commands and planned for like any device; a slow one gives its work away',
    async () => {
      const onCommand = runtimeOf(40);
      await using page = openPage({ http, identity: await newIdentity(), wish: { name: 'phone' }, onCommand });
      await until(() => page.states.at(-1)?.kind === 'joined', 'the page has joined');
      await using deploy = cutpoint([
        'deploy',
        classifier,
        ...dims,
        '--name',
        'net',
        '--dry-run',
        '--json',
        '--server',
        http,
      ]);
      expect(await deploy.exit(3 * minute), deploy.stderr).toBe(0);
      const { plans } = JSON.parse(deploy.stdout);
      expect(plans).toHaveLength(1);
      const [{ from, pick, baselines }] = plans;
      expect({ from, devices: pick.devices }).toEqual({ from: 'phone', devices: ['phone', 'server'] });
      const [alone, away] = baselines;
      expect(alone).toMatchObject({ device: 'phone', devices: ['phone'] });
      expect(alone.latencyMs).toBeGreaterThan(10 * away.latencyMs);
      expect(deploy.stderr).toContain('phone: A page tells neither its watts');
    },
    4 * minute,
  );
});
