import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CancelSignal, CutpointError, type NamedTensors, onCancel, tensorOf } from '@cutpoint/core';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type ChoiceRequest, chooseProvider, type ProviderMeasurement } from './choose-provider.js';
import { forgetChoice, forgetChoices, rememberedChoices } from './remembered-choices.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-providers-'));
  vi.stubEnv('CUTPOINT_CACHE_DIR', folder);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

const floats = (...values: number[]): NamedTensors =>
  new Map([['y', tensorOf('f32', [values.length], Float32Array.from(values))]]);

type Answers = Readonly<Record<string, ProviderMeasurement | CutpointError | 'silent'>>;

/** Providers that take and compute what they are told, and a list of those that were measured. */
function requestOf(answers: Answers, options: Partial<ChoiceRequest> = {}) {
  const measured: string[] = [];
  const measure = async (provider: string, signal: CancelSignal): Promise<ProviderMeasurement> => {
    measured.push(provider);
    const answer = answers[provider];
    if (answer === 'silent') {
      await new Promise<void>((resolve) => onCancel(signal, resolve));
      throw new CutpointError('CUT_DEADLINE', 'Late.');
    }
    if (answer === undefined || answer instanceof CutpointError) throw answer ?? new Error(provider);
    return answer;
  };
  const others = Object.keys(answers).filter((name) => name !== 'cpu');
  return { request: { what: 'it', subject: [], others, measure, mostDifference: 0.01, ...options }, measured };
}

const onCpu = { ms: 10, outputs: floats(1, -2, 3) };

describe('choosing a provider', () => {
  it('takes the fastest that computes what the CPU does', async () => {
    const { request } = requestOf({
      cpu: onCpu,
      webgpu: { ms: 4, outputs: floats(1.001, -2, 3) },
      cuda: { ms: 2, outputs: floats(1, -2, 3) },
    });
    expect((await chooseProvider(request)).choice).toMatchObject({ provider: 'cuda', how: 'measured', notices: [] });
  });

  it('refuses what computes something else, and says so', async () => {
    const { request } = requestOf({ cpu: onCpu, webgpu: { ms: 1, outputs: floats(1, -2, 3.1) } });
    const { choice } = await chooseProvider(request);
    expect(choice.provider).toBe('cpu');
    expect(choice.notices).toEqual([
      expect.stringMatching(/^webgpu is not used: .* 2\.7 % away .* more than 1\.0 %\.$/),
    ]);
    expect(choice.trials[1]).toMatchObject({ outcome: 'wrong', most: 0.01 });
  });

  it('refuses what computes no numbers at all, also from memory', async () => {
    const { request } = requestOf({ cpu: onCpu, webgpu: { ms: 1, outputs: floats(1, Number.NaN, 3) } });
    const { choice } = await chooseProvider(request);
    const again = await chooseProvider(request);
    expect(choice.provider).toBe('cpu');
    expect(again.choice).toEqual({ ...choice, how: 'remembered' });
    expect(again.choice.notices[0]).toContain('without bound');
  });

  it('leaves what fails, and what takes longer than the deadline', async () => {
    const failure = new CutpointError('CUT_PROVIDER', 'No adapter.');
    const { request } = requestOf({ cpu: onCpu, webgpu: failure, cuda: 'silent' }, { deadlineMs: 50 });
    const { choice } = await chooseProvider(request);
    expect(choice.provider).toBe('cpu');
    expect(choice.notices).toEqual([
      'webgpu is not used (CUT_PROVIDER): No adapter.',
      expect.stringMatching(/^cuda is not used \(CUT_DEADLINE\)/),
    ]);
  });

  it('stays on the CPU where another is not clearly faster', async () => {
    const { request } = requestOf({ cpu: onCpu, webgpu: { ms: 9.5, outputs: onCpu.outputs } });
    expect((await chooseProvider(request)).choice.provider).toBe('cpu');
  });

  it('measures once, until it is told to forget', async () => {
    const { request, measured } = requestOf({ cpu: onCpu, webgpu: { ms: 1, outputs: onCpu.outputs } });
    const { key } = await chooseProvider(request);
    expect((await chooseProvider(request)).choice).toMatchObject({ provider: 'webgpu', how: 'remembered' });
    expect(measured).toEqual(['cpu', 'webgpu']);
    await chooseProvider({ ...request, subject: ['another'] });
    expect(measured).toHaveLength(4);
    expect(await rememberedChoices()).toHaveLength(2);
    await forgetChoice(key);
    await chooseProvider(request);
    expect(measured).toHaveLength(6);
    await forgetChoices();
    expect(await rememberedChoices()).toEqual([]);
  });

  it('measures again with other drivers', async () => {
    const { request, measured } = requestOf({ cpu: onCpu });
    await chooseProvider(request);
    vi.stubEnv('VK_DRIVER_FILES', '/another.json');
    await chooseProvider(request);
    expect(measured).toEqual(['cpu', 'cpu']);
  });

  it('measures again where what was kept is damaged', async () => {
    const { request, measured } = requestOf({ cpu: onCpu });
    const { key } = await chooseProvider(request);
    await writeFile(join(folder, 'providers', `${key}.json`), '{"version":1,"provider":7}');
    await chooseProvider(request);
    expect(measured).toEqual(['cpu', 'cpu']);
    expect(await readdir(join(folder, 'providers'))).toEqual([`${key}.json`]);
  });

  it('throws what fails on the CPU, and keeps nothing', async () => {
    const failure = new CutpointError('CUT_RUN', 'It fails.');
    const { request } = requestOf({ cpu: failure, webgpu: { ms: 1, outputs: onCpu.outputs } });
    await expect(chooseProvider(request)).rejects.toBe(failure);
    expect(await rememberedChoices()).toEqual([]);
  });

  it('can be cancelled, and then chooses nothing', async () => {
    const stop = new AbortController();
    const { request } = requestOf({ cpu: onCpu, webgpu: 'silent' }, { signal: stop.signal });
    const choosing = chooseProvider(request);
    setTimeout(() => stop.abort(), 20);
    await expect(choosing).rejects.toMatchObject({ code: 'CUT_CANCELLED' });
    expect(await rememberedChoices()).toEqual([]);
  });
});
