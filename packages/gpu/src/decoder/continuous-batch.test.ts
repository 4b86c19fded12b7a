import { setImmediate } from 'node:timers/promises';
import { CutpointError } from '@cutpoint/core';
import { describe, expect, it } from 'vitest';
import { type BatchDecoder, ContinuousBatch } from './continuous-batch.js';
import { noToken } from './kernels/choose.js';
import { Sequences } from './sequences.js';
import type { StepRow } from './step-row.js';

const limits = { pages: 40, pageTokens: 4, contextTokens: 200 };
const rowsPerStep = 8;

/** A decoder whose next token is the sum of a text's tokens, modulo 1,000; of token 999 it makes what is no number. */
class Adder implements BatchDecoder {
  readonly rowsPerStep = rowsPerStep;
  readonly steps: (readonly StepRow[])[] = [];
  readonly #sequences = new Sequences(limits);
  readonly #texts = new Map<number, number[]>();
  fails: CutpointError | undefined;

  get freePages(): number {
    return this.#sequences.freePages;
  }

  pagesFor(sequence: number, tokens: number): number {
    return this.#sequences.pagesFor(sequence, tokens);
  }

  tokensOf(sequence: number): number {
    return this.#sequences.tokensOf(sequence);
  }

  truncate(sequence: number, tokens: number): void {
    this.#sequences.truncate(sequence, tokens);
    this.#texts.set(sequence, (this.#texts.get(sequence) ?? []).slice(0, tokens));
  }

  requireInputs(sequence: number, inputs: readonly unknown[]): void {
    this.#sequences.requireContext(sequence, inputs.length);
  }

  async step(rows: readonly StepRow[]): ReturnType<BatchDecoder['step']> {
    expect(rows.length).toBeLessThanOrEqual(rowsPerStep);
    this.steps.push(rows);
    await setImmediate();
    if (this.fails !== undefined) throw this.fails;
    const tokens: number[] = [];
    for (const { sequence, input, wanted } of rows) {
      this.#sequences.extend(sequence, 1);
      const text = [...(this.#texts.get(sequence) ?? []), Number(input)];
      this.#texts.set(sequence, text);
      if (wanted) tokens.push(input === 999 ? noToken : sumOf(text));
    }
    return { tokens: Uint32Array.from(tokens), rows: [] };
  }
}

function sumOf(text: readonly number[]): number {
  return text.reduce((sum, token) => sum + token, 0) % 1000;
}

function open(): { decoder: Adder; batch: ContinuousBatch } {
  const decoder = new Adder();
  return { decoder, batch: new ContinuousBatch(decoder, () => setImmediate()) };
}

const pass = (sequence: number, inputs: readonly number[]) => ({ sequence, inputs, wanted: 1, read: false });

describe('texts that are continued together', () => {
  it('each get what they get alone, also where they are more than a step has rows', async () => {
    const { batch, decoder } = open();
    const texts = Array.from({ length: 20 }, (_, i) => Array.from({ length: 1 + (i % 5) }, (_, k) => i * 10 + k));
    const found = await Promise.all(texts.map((text, sequence) => batch.run(pass(sequence, text))));
    expect(found.map(({ tokens }) => tokens)).toEqual(texts.map((text) => [sumOf(text)]));
    expect(decoder.steps.length).toBeLessThan(12);
  });

  it('share every step as long as they go on', async () => {
    const { batch, decoder } = open();
    const goOn = async (sequence: number) => {
      for (let i = 0; i < 10; i++) await batch.run(pass(sequence, [i]));
    };
    await Promise.all([0, 1, 2, 3, 4].map(goOn));
    expect(decoder.steps.map((rows) => rows.length)).toEqual(Array.from({ length: 10 }, () => 5));
  });

  it('do not keep a prompt waiting, however many they are', async () => {
    const { batch, decoder } = open();
    let ended = false;
    const goOn = async (sequence: number) => {
      for (let i = 0; i < 200 && !ended; i++) {
        await batch.run(pass(sequence, [1]));
        decoder.truncate(sequence, 0);
      }
      return ended;
    };
    const others = Array.from({ length: 16 }, (_, i) => goOn(i + 1));
    await batch.run(
      pass(
        0,
        Array.from({ length: 30 }, () => 1),
      ),
    );
    ended = true;
    expect((await Promise.all(others)).every(Boolean)).toBe(true);
  });

  it('end alone where one fails: what is no number, no room, or a second pass at once', async () => {
    const { batch, decoder } = open();
    const [good, bad, twice, large] = await Promise.allSettled([
      batch.run(pass(1, [1, 2, 3])),
      batch.run(pass(2, [5, 999])),
      batch.run(pass(1, [4])),
      batch.run(
        pass(
          3,
          Array.from({ length: 190 }, () => 1),
        ),
      ),
    ]);
    expect(good).toMatchObject({ value: { tokens: [6] } });
    expect(bad).toMatchObject({ reason: { code: 'CUT_RUN' } });
    expect(twice).toMatchObject({ reason: { code: 'CUT_INPUT' } });
    expect(large).toMatchObject({ reason: { code: 'CUT_GPU_MEMORY' } });
    expect([1, 2, 3].map((sequence) => decoder.tokensOf(sequence))).toEqual([3, 0, 0]);
  });

  it('all end where a step fails, and are left as they were', async () => {
    const { batch, decoder } = open();
    await batch.run(pass(1, [1, 2]));
    decoder.fails = new CutpointError('CUT_GPU_LOST', 'Gone.');
    const passes = await Promise.allSettled([batch.run(pass(1, [3])), batch.run(pass(2, [4, 5]))]);
    for (const one of passes) expect(one).toMatchObject({ reason: { code: 'CUT_GPU_LOST' } });
    expect([1, 2].map((sequence) => decoder.tokensOf(sequence))).toEqual([2, 0]);
    decoder.fails = undefined;
    expect(await batch.run(pass(1, [3]))).toMatchObject({ tokens: [6] });
  });
});
