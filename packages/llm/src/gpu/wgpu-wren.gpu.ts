import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CancelSource, CutpointError } from '@cutpoint/core';
import { type Gpu, openGpu } from '@cutpoint/gpu';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeOnGpu } from '../../../gpu/src/gpus.testing.js';
import { importCheckpoint } from '../checkpoint/import-checkpoint.js';
import { generate } from '../decode/generate.js';
import { type LanguageModel, openLanguageModel } from '../decode/language-model.js';
import { perplexityOf } from '../evaluate/perplexity.js';
import { type Sampling, samplingOf } from '../text/sampling.js';
import { wrenFolder, wrenIsHere } from '../text/wren.testing.js';
import { WgpuDecoder } from './wgpu-decoder.js';

const title = `wren-7m on a GPU${wrenIsHere ? '' : ' (../shared/models/lm is missing)'}`;
await describeOnGpu(title, openGpu, () => {
  let folder = '';
  let cpu: LanguageModel;
  let gpu: WgpuDecoder;
  let prompts: readonly (readonly number[])[] = [];

  beforeAll(async () => {
    if (!wrenIsHere) return;
    folder = await mkdtemp(join(tmpdir(), 'cutpoint-wgpu-'));
    const made = join(folder, 'package');
    await importCheckpoint({ source: wrenFolder, folder: made, bits: 32, block: null });
    cpu = await openLanguageModel(made);
    gpu = await WgpuDecoder.open(made, cpu.manifest, { textTokens: 512 });
    const golden: { prompts: { promptTokens: number[] }[] } = JSON.parse(
      await readFile(join(wrenFolder, 'golden.json'), 'utf8'),
    );
    prompts = golden.prompts.slice(0, 8).map(({ promptTokens }) => promptTokens);
  }, 60_000);

  afterAll(async () => {
    await gpu?.[Symbol.asyncDispose]();
    await cpu?.[Symbol.asyncDispose]();
    if (folder !== '') await rm(folder, { recursive: true });
  });

  const own = it.skipIf(!wrenIsHere);

  async function continued(
    decoder: WgpuDecoder | LanguageModel['decoder'],
    prompt: readonly number[],
    options: Partial<Sampling> & { readonly maxTokens?: number; readonly draftTokens?: number } = {},
  ): Promise<number[]> {
    const { maxTokens = 12, draftTokens = 0, ...changes } = options;
    const sampling = samplingOf({ seed: 3, ...changes });
    const tokens: number[] = [];
    for await (const next of generate(decoder, { prompt, maxTokens, draftTokens, sampling, endTokens: [] })) {
      tokens.push(...next.tokens);
    }
    return tokens;
  }

  own('gives eight texts that are continued together the tokens that the CPU gives each alone', async () => {
    const alone: number[][] = [];
    for (const prompt of prompts) alone.push(await continued(cpu.decoder, prompt));
    expect(prompts).toHaveLength(8);
    expect(await Promise.all(prompts.map((prompt) => continued(gpu, prompt)))).toEqual(alone);
    expect(await continued(gpu, prompts[0] ?? [])).toEqual(alone[0]);
  });

  own('draws and verifies drafts as the CPU does', async () => {
    const [prompt = []] = prompts;
    const drawn = { temperature: 0.8, maxTokens: 12 };
    expect(await continued(gpu, prompt, drawn)).toEqual(await continued(cpu.decoder, prompt, drawn));
    const drafted = { draftTokens: 4, maxTokens: 12 };
    expect(await continued(gpu, prompt, drafted)).toEqual(await continued(cpu.decoder, prompt, { maxTokens: 12 }));
  });

  own('draws with all filters as the CPU does, with drafts and without', async () => {
    const filters = { temperature: 0.9, topK: 50, topP: 0.95, minP: 0.02, repetitionPenalty: 1.1 };
    let equal = 0;
    let all = 0;
    for (const [i, prompt] of prompts.slice(0, 3).entries()) {
      const drawn = { ...filters, seed: i, maxTokens: 16 };
      const due = await continued(cpu.decoder, prompt, drawn);
      for (const draftTokens of [0, 3]) {
        const found = await continued(gpu, prompt, { ...drawn, draftTokens });
        equal += found.filter((token, at) => token === due[at]).length;
        all += due.length;
      }
    }
    process.stderr.write(`${equal} of ${all} drawn tokens are the CPU's\n`);
    // Behind a token that is drawn otherwise, as two sums tie within rounding, a text goes another way.
    expect(equal).toBeGreaterThan(0.8 * all);
  });

  own('reads back nothing but tokens, also where they are drawn', async () => {
    const opened: Gpu[] = [];
    const openOwn = async () => opened[opened.push(await openGpu()) - 1] as Gpu;
    await using decoder = await WgpuDecoder.open(join(folder, 'package'), cpu.manifest, {
      textTokens: 256,
      openGpu: openOwn,
    });
    const drawn = { temperature: 0.7, topP: 0.9, repetitionPenalty: 1.2, draftTokens: 2, maxTokens: 8 };
    const tokens = await continued(decoder, prompts[0] ?? [], drawn);
    expect(tokens).toHaveLength(8);
    // A step reads four bytes for each token it chooses: at most one and two drafted.
    expect(opened[0]?.traffic.readBytes).toBeLessThanOrEqual(4 * 3 * tokens.length);
  });

  own('has the perplexity of the CPU', async () => {
    const text = cpu.tokenizer.encode(await readFile(join(wrenFolder, 'val.txt'), 'utf8')).slice(0, 256);
    const expected = await perplexityOf(cpu.decoder, text, { context: 128 });
    const found = await perplexityOf(gpu, text, { context: 128 });
    expect(found.tokens).toBe(expected.tokens);
    expect(Math.abs(found.perplexity / expected.perplexity - 1)).toBeLessThan(1e-5);
  });

  own.each([
    { weightBits: 8, activationBits: 8, most: 0.005 },
    { weightBits: 3, activationBits: 8, most: 0.05 },
  ] as const)(
    'is hardly surprised more where weights and rows are multiplied as codes: %j',
    async ({ most, ...codes }) => {
      const text = cpu.tokenizer.encode(await readFile(join(wrenFolder, 'val.txt'), 'utf8')).slice(0, 128);
      const expected = await perplexityOf(cpu.decoder, text, { context: 128 });
      await using coded = await WgpuDecoder.open(join(folder, 'package'), cpu.manifest, { codes });
      const found = await perplexityOf(coded, text, { context: 128 });
      expect(Math.abs(found.perplexity / expected.perplexity - 1)).toBeLessThan(most);
      // One row at a time goes through other kernels than many; both read the same codes.
      const sequence = coded.sequence();
      const beginning = text.slice(0, 17);
      const together = await coded.logits(sequence, beginning);
      coded.truncate(sequence, 16);
      const alone = await coded.logits(sequence, beginning.slice(16));
      const largest = Math.max(...together.map(Math.abs));
      for (const [i, value] of together.entries())
        expect(Math.abs(value - (alone[i] ?? 0))).toBeLessThan(1e-4 * largest);
    },
  );

  own('ends as the CPU does where f32 does not hold the penalty', async () => {
    const asked = { temperature: 1, repetitionPenalty: 1e-40, maxTokens: 2 };
    const ended = (decoder: Parameters<typeof continued>[0]) =>
      continued(decoder, prompts[0] ?? [], asked).catch((thrown: CutpointError) => thrown.code);
    expect(await ended(gpu)).toEqual(await ended(cpu.decoder));
  });

  own('goes on with a clone from any token, and leaves the first text as it was', async () => {
    const [text = []] = prompts;
    const sampling = samplingOf({});
    const step = { draft: [], sampling, ends: new Set<number>() };
    const first = gpu.sequence();
    const whole = await gpu.next(first, { ...step, text });
    const clone = gpu.clone(first, text.length - 3);
    const other = [...text.slice(0, -3), 5, 6, 7];
    const fresh = gpu.sequence();
    expect((await gpu.next(clone, { ...step, text: other })).tokens).toEqual(
      (await gpu.next(fresh, { ...step, text: other })).tokens,
    );
    gpu.truncate(first, text.length - 1);
    expect((await gpu.next(first, { ...step, text })).tokens).toEqual(whole.tokens);
    for (const sequence of [first, clone, fresh]) gpu.drop(sequence);
  });

  own('leaves a sequence as it was if its pass is cancelled, and the others go on', async () => {
    const [text = [], another = []] = prompts;
    const source = new CancelSource();
    const sampling = samplingOf({});
    const step = { draft: [], sampling, ends: new Set<number>() };
    const [one, two] = [gpu.sequence(), gpu.sequence()];
    const cancelled = gpu.next(one, { ...step, text, signal: source });
    const goesOn = gpu.next(two, { ...step, text: another });
    source.abort(new CutpointError('CUT_CANCELLED', 'Stopped.'));
    await expect(cancelled).rejects.toMatchObject({ code: 'CUT_CANCELLED' });
    await goesOn;
    const alone = gpu.sequence();
    const [again, fresh] = [await gpu.next(one, { ...step, text }), await gpu.next(alone, { ...step, text })];
    expect(again.tokens).toEqual(fresh.tokens);
    for (const sequence of [one, two, alone]) gpu.drop(sequence);
  });

  own('goes on with its texts when the GPU is lost, and says so', async () => {
    const opened: Gpu[] = [];
    const lost: (string | undefined)[] = [];
    await using decoder = await WgpuDecoder.open(join(folder, 'package'), cpu.manifest, {
      openGpu: async () => {
        const one = await openGpu();
        opened.push(one);
        return one;
      },
      onLost: (error, failed) => lost.push(error.code, failed?.code),
    });
    const [prompt = [], other = []] = prompts;
    const expected = [await continued(cpu.decoder, prompt), await continued(cpu.decoder, other)];
    let given = 0;
    const losing = async (text: readonly number[]) => {
      const tokens: number[] = [];
      for await (const next of generate(decoder, { prompt: text, maxTokens: 12, endTokens: [] })) {
        tokens.push(...next.tokens);
        given += 1;
        if (given === 6) opened.at(-1)?.device.destroy();
      }
      return tokens;
    };
    const measured = decoder.sequence();
    await decoder.logits(measured, prompt);
    expect(await Promise.all([losing(prompt), losing(other)])).toEqual(expected);
    expect(opened).toHaveLength(2);
    expect(lost).toEqual(['CUT_GPU_LOST', undefined]);
    expect(decoder.alive).toBe(true);
    await expect(decoder.logits(measured, [5])).rejects.toMatchObject({ code: 'CUT_GPU_LOST' });
  });

  own('goes on with its texts on a GPU that is opened anew when one does not answer', async () => {
    const opened: Gpu[] = [];
    const lost: (string | undefined)[] = [];
    await using decoder = await WgpuDecoder.open(join(folder, 'package'), cpu.manifest, {
      openGpu: async () => {
        const one = await openGpu(undefined, opened.length === 0 ? { stuckMs: 4_000 } : {});
        opened.push(one);
        return one;
      },
      onLost: (error, failed) => lost.push(error.code, failed?.code),
    });
    const [prompt = [], other = []] = prompts;
    const queue = opened[0]?.device.queue as GPUQueue;
    const answers = queue.onSubmittedWorkDone.bind(queue);
    let asked = 0;
    queue.onSubmittedWorkDone = () => (++asked < 3 ? answers() : new Promise(() => undefined));
    const texts = Promise.all([continued(decoder, prompt), continued(decoder, other)]);
    expect(await texts).toEqual([await continued(cpu.decoder, prompt), await continued(cpu.decoder, other)]);
    expect(lost).toEqual(['CUT_GPU_LOST', undefined]);
    expect(decoder.alive).toBe(true);
  });

  own('refuses a text that is longer than the context, or than the cache has room for', async () => {
    const tokens = Array.from({ length: 300 }, (_, i) => 10 + i);
    const step = { draft: [], sampling: samplingOf({}), ends: new Set<number>() };
    await expect(gpu.next(gpu.sequence(), { ...step, text: tokens })).rejects.toMatchObject({ code: 'CUT_INPUT' });
    const sequences = Array.from({ length: 9 }, () => gpu.sequence());
    const text = tokens.slice(0, 60);
    const passes = await Promise.allSettled(sequences.map((sequence) => gpu.next(sequence, { ...step, text })));
    const refused = passes.filter(({ status }) => status === 'rejected');
    expect(refused).toHaveLength(1);
    expect(refused[0]).toMatchObject({ reason: { code: 'CUT_GPU_MEMORY' } });
    for (const sequence of sequences) gpu.drop(sequence);
  });
});
