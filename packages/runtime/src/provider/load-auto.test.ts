import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CutpointError, tensorOf } from '@cutpoint/core';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { loadSegment } from '../segment/load-segment.js';
import { input, modelOf, node, output } from '../segment/onnx-bytes.testing.js';
import type { Segment } from '../segment/segment.js';
import { AutoSegment } from './auto-segment.js';
import { rememberedChoices } from './remembered-choices.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-auto-'));
  vi.stubEnv('CUTPOINT_CACHE_DIR', folder);
  // No driver, so that what is measured does not depend on the machine.
  vi.stubEnv('VK_DRIVER_FILES', '/none.json');
  vi.stubEnv('VK_ICD_FILENAMES', '/none.json');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

const relu = modelOf(node('Relu', ['x'], ['y']), input('x', 'f32', [2]), output('y', 'f32', [2]));
const inputs = () => new Map([['x', tensorOf('f32', [2], new Float32Array([-1, 20]))]]);
const answer = new Map([['y', tensorOf('f32', [2], new Float32Array([0, 20]))]]);

describe('a segment with the provider auto', () => {
  it('runs on the CPU where nothing else can be used, says why, and remembers', async () => {
    const notices: string[] = [];
    const load = () =>
      loadSegment({ kind: 'bytes', model: relu }, { provider: 'auto', onNotice: (notice) => notices.push(notice) });
    await using first = await load();
    expect((await first.run(inputs())).outputs).toEqual(answer);
    expect(first.provider).toMatchObject({ provider: 'cpu', how: 'measured' });
    expect(first.provider.trials[0]).toMatchObject({ provider: 'cpu', outcome: 'right' });
    const others = first.provider.trials.length - 1;
    // On this platform the runtime may have no other provider; where it has one, it cannot be used here.
    expect(first.provider.notices).toHaveLength(others);
    expect(notices.filter((notice) => !notice.startsWith('Measuring once'))).toEqual(first.provider.notices);
    expect(notices[0]?.startsWith('Measuring once') ?? false).toBe(others > 0);
    await using second = await load();
    expect(second.provider).toEqual({ ...first.provider, how: 'remembered' });
    expect(await rememberedChoices()).toHaveLength(1);
  });

  it('says that an explicit provider does not work, and takes no other', async () => {
    const loading = loadSegment({ kind: 'bytes', model: relu }, { provider: 'wgpu' });
    await expect(loading).rejects.toMatchObject({ code: 'CUT_PROVIDER', message: expect.stringContaining('language') });
  });

  it('gives a provider that was asked for by name as it is', async () => {
    await using segment = await loadSegment({ kind: 'bytes', model: relu });
    expect(segment.provider).toEqual({ provider: 'cpu', how: 'asked', trials: [], notices: [] });
  });
});

describe('a segment whose provider fails', () => {
  const loadOnCpu = () => loadSegment({ kind: 'bytes', model: relu });
  const choice = { provider: 'webgpu', how: 'measured', trials: [], notices: [] } as const;
  const given = () => new Map([['x', tensorOf('f32', [2], new Float32Array([1, -2]))]]);

  /** A segment that computes as long as it is let. */
  async function fragile(failure: CutpointError): Promise<Segment & { fail(): void }> {
    const inner = await loadOnCpu();
    let failing = false;
    return Object.assign(Object.create(inner) as Segment, {
      inputs: inner.inputs,
      outputs: inner.outputs,
      run: (...args: Parameters<Segment['run']>) => (failing ? Promise.reject(failure) : inner.run(...args)),
      dispose: () => inner.dispose(),
      fail: () => {
        failing = true;
      },
    });
  }

  it('goes on on the CPU, with the inputs that it was given, and says so', async () => {
    const segment = await fragile(new CutpointError('CUT_RUN', 'The device was lost.'));
    const told: string[] = [];
    const onFallback = async ({ notices }: { notices: readonly string[] }) => void told.push(...notices);
    await using auto = new AutoSegment({ segment, choice, loadOnCpu, onFallback });
    const before = await auto.run(given());
    expect(auto.provider.provider).toBe('webgpu');
    segment.fail();
    const after = await Promise.all([auto.run(given(), { transfer: true }), auto.run(given())]);
    for (const { outputs } of after) expect(outputs).toEqual(before.outputs);
    expect(auto.provider).toMatchObject({ provider: 'cpu', how: 'fallback' });
    expect(told).toEqual(['webgpu failed and is not used any more: The device was lost.']);
  });

  it('lets the CPU compute requests that wait while another one fails, though the cache cannot be changed', async () => {
    const inner = await loadOnCpu();
    const waiting: ((error: CutpointError) => void)[] = [];
    const segment: Segment = Object.assign(Object.create(inner) as Segment, {
      inputs: inner.inputs,
      outputs: inner.outputs,
      run: () => new Promise((_, reject) => waiting.push(reject)),
      // As segments do: what waits is refused.
      dispose: async () => {
        for (const reject of waiting) reject(new CutpointError('CUT_DISPOSED', 'The segment was closed.'));
        await inner.dispose();
      },
    });
    await using auto = new AutoSegment({ segment, choice, loadOnCpu, onFallback: async () => undefined });
    const answers = Promise.all([auto.run(given()), auto.run(given()), auto.run(given())]);
    waiting[0]?.(new CutpointError('CUT_RUN', 'The device was lost.'));
    for (const { outputs } of await answers) expect(outputs.get('y')?.data).toBeDefined();
    expect(auto.provider).toMatchObject({ provider: 'cpu', how: 'fallback' });
  });

  it('does not blame the provider for inputs that do not fit, or that fail on the CPU as well', async () => {
    const segment = await fragile(new CutpointError('CUT_RUN', 'It fails.'));
    segment.fail();
    await using auto = new AutoSegment({ segment, choice, loadOnCpu, onFallback: async () => undefined });
    await expect(auto.run(new Map())).rejects.toMatchObject({ code: 'CUT_INPUT' });
    expect(auto.provider.provider).toBe('webgpu');
  });
});
