import { mkdtemp, rm, truncate, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CancelSource, CutpointError } from '@cutpoint/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HalfLayer } from './half-layer.js';
import { LayerWindow } from './layer-window.js';

const halfBytes = 100_000;
const count = 8;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'window-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A half layer that is what its bytes were when it was opened. */
interface Content {
  readonly sum: number;
  release(): Promise<void>;
}

interface Shard {
  readonly halves: readonly HalfLayer<Content>[];
  /** How many are open, of each. */
  readonly open: number[];
  readonly path: string;
  readonly sums: readonly number[];
}

/** Half layers one behind the other in one file, at offsets that no disk reads at. */
async function shard(name: string): Promise<Shard> {
  const path = join(folder, name);
  const bytes = new Uint8Array(count * halfBytes + 7);
  bytes.forEach((_, i) => {
    bytes[i] = (i * 2_654_435_761) >>> 24;
  });
  await writeFile(path, bytes);
  const open = Array.from({ length: count }, () => 0);
  const offsetOf = (index: number) => 7 + index * halfBytes;
  const halves = open.map((_, index) => ({
    name: `layer ${index >> 1}, ${index % 2 === 0 ? 'attention' : 'feed-forward'}`,
    path,
    span: { offset: offsetOf(index), bytes: halfBytes },
    openBytes: halfBytes,
    passing: undefined,
    open: async (weights: Uint8Array) => {
      open[index] = (open[index] ?? 0) + 1;
      const release = async () => {
        open[index] = (open[index] ?? 0) - 1;
      };
      return { sum: sumOf(weights), release };
    },
  }));
  const sums = open.map((_, index) => sumOf(bytes.subarray(offsetOf(index), offsetOf(index) + halfBytes)));
  if (new Set(sums).size < count) throw new Error('Half layers are to differ.');
  return { halves, open, path, sums };
}

/** Of bytes, weighed by their places. */
function sumOf(bytes: Uint8Array): number {
  return bytes.reduce((sum, byte, i) => (sum + byte * (i + 1)) % 1_000_003, bytes.length);
}

/** Room for `stay` half layers beside a window of two buffers. */
const roomFor = (stay: number) => 2 * 114_688 + 2 * halfBytes + stay * halfBytes;

async function pass(window: LayerWindow<Content>): Promise<number[]> {
  const sums: number[] = [];
  for (let index = 0; index < count; index++) {
    sums.push((await window.take(index)).sum);
    await window.release(index);
  }
  return sums;
}

const failing = (code: string, ...texts: string[]) =>
  expect.objectContaining({ code, message: expect.stringMatching(texts.map((text) => `(?=.*${text})`).join('')) });

describe('LayerWindow', () => {
  it.each([0, 3, 20])(
    'gives out each half layer with its own weights, token after token, where %i can stay',
    async (stay) => {
      const { halves, open, sums } = await shard(`tokens-${stay}`);
      {
        await using window = await LayerWindow.open(halves, { rank: 1, budgetBytes: roomFor(stay) });
        for (let token = 0; token < 9; token++) expect(await pass(window)).toEqual(sums);
      }
      expect(open).toEqual(halves.map(() => 0));
    },
  );

  it('has open what stays and one that is used, and nothing else', async () => {
    const { halves, open } = await shard('open');
    await using window = await LayerWindow.open(halves, { rank: 1, budgetBytes: roomFor(3) });
    const { stays } = window.report().plan;
    expect(stays.filter(Boolean)).toHaveLength(3);
    for (let index = 0; index < count; index++) {
      await window.take(index);
      expect(open).toEqual(stays.map((stay, i) => (stay || i === index ? 1 : 0)));
      await window.release(index);
    }
  });

  it('opens nothing again where all stay', async () => {
    const { halves, path, sums } = await shard('all');
    await using window = await LayerWindow.open(halves, { rank: 1, budgetBytes: roomFor(count) });
    await unlink(path);
    expect(await pass(window)).toEqual(sums);
    expect(window.report()).toMatchObject({ readMs: 0, openMs: 0, plan: { depth: 0, streamedBytes: 0 } });
  });

  it('begins a token anew in the middle of another', async () => {
    const { halves, sums } = await shard('anew');
    await using window = await LayerWindow.open(halves, { rank: 1, budgetBytes: roomFor(2) });
    for (const until of [1, 5, 3]) {
      for (let index = 0; index < until; index++) {
        expect((await window.take(index)).sum).toBe(sums[index]);
        await window.release(index);
      }
    }
    expect(await pass(window)).toEqual(sums);
  });

  it('measures what reading, opening and running cost, and explains whether the disk decides', async () => {
    const { halves } = await shard('measured');
    await using window = await LayerWindow.open(halves, { rank: 1, budgetBytes: roomFor(2) });
    await pass(window);
    await pass(window);
    const report = window.report();
    expect(report.readMs).toBeGreaterThan(0);
    expect(report.busyMs).toBeGreaterThan(0);
    expect(report.explanation).toHaveLength(5);
  });

  it('refuses a budget that holds no half layer beside the one that is read', async () => {
    const { halves } = await shard('small');
    const opened = LayerWindow.open(halves, { rank: 1, budgetBytes: 2 * halfBytes });
    await expect(opened).rejects.toEqual(failing('CUT_WINDOW', '0.2 MB', 'takes 0.3 MB'));
  });

  it('names rank, half layer and file where the file vanishes in mid-run, and goes on once it is back', async () => {
    const { halves, open, path, sums } = await shard('vanishes');
    {
      await using window = await LayerWindow.open(halves, { rank: 2, budgetBytes: roomFor(2) });
      await pass(window);
      const moved = await shard('another');
      await unlink(path);
      await expect(pass(window).then(() => pass(window))).rejects.toEqual(
        failing('CUT_FILE_NOT_FOUND', 'Rank 2, layer', path, 'no such file'),
      );
      expect(open.reduce((sum, each) => sum + each, 0)).toBe(2);
      await shard('vanishes');
      expect(moved.sums).toEqual(sums);
      const again = await pass(window).catch(() => pass(window));
      expect(again).toEqual(sums);
    }
    expect(open).toEqual(halves.map(() => 0));
  });

  it('says that a file ends early', async () => {
    const { halves, path } = await shard('short');
    await truncate(path, 3 * halfBytes);
    await using window = await LayerWindow.open(halves.slice(0, 2), { rank: 0, budgetBytes: roomFor(2) });
    expect((await window.take(0)).sum).toBeGreaterThan(0);
    const opened = LayerWindow.open(halves, { rank: 0, budgetBytes: roomFor(count) });
    await expect(opened).rejects.toEqual(failing('CUT_PACKAGE', 'Rank 0', path, 'ends early'));
  });

  it('closes what it has opened where a half layer cannot be', async () => {
    const { halves, open } = await shard('refused');
    const refusal = new CutpointError('CUT_LOAD', 'No.');
    const some = halves.map((half, i) => (i === 5 ? { ...half, open: () => Promise.reject(refusal) } : half));
    const opened = LayerWindow.open(some, { rank: 3, budgetBytes: roomFor(count) });
    await expect(opened).rejects.toEqual(failing('CUT_LOAD', 'Rank 3, layer 2, feed-forward'));
    expect(open).toEqual(halves.map(() => 0));
  });

  it('is cancelled while bytes are waited for, and can be asked again', async () => {
    const { halves, sums } = await shard('cancelled');
    await using window = await LayerWindow.open(halves, { rank: 1, budgetBytes: roomFor(0) });
    const source = new CancelSource();
    const taken = window.take(0, source);
    source.abort(new CutpointError('CUT_CANCELLED', 'Not wanted.'));
    await expect(taken).rejects.toEqual(failing('CUT_CANCELLED'));
    expect(await pass(window)).toEqual(sums);
  });

  it('rejects what waits once it is closed', async () => {
    const { halves, open } = await shard('closed');
    const window = await LayerWindow.open(halves, { rank: 1, budgetBytes: roomFor(0) });
    await window.take(0);
    await window.release(0);
    const rejected = expect(window.take(4)).rejects.toEqual(failing('CUT_DISPOSED'));
    await window[Symbol.asyncDispose]();
    await rejected;
    await expect(window.take(0)).rejects.toEqual(failing('CUT_DISPOSED'));
    expect(open).toEqual(halves.map(() => 0));
  });

  it('gives out one half layer at a time', async () => {
    const { halves } = await shard('twice');
    await using window = await LayerWindow.open(halves, { rank: 1, budgetBytes: roomFor(2) });
    await window.take(0);
    await expect(window.take(1)).rejects.toEqual(failing('CUT_INTERNAL'));
    await expect(window.release(1)).rejects.toEqual(failing('CUT_INTERNAL'));
    await window.release(0);
  });
});
