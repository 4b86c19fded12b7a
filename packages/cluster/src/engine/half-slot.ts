import { closeSync, openSync, writeSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { CutpointError } from '@cutpoint/core';
import { type Model, parseModel } from '@cutpoint/graph';
import type { FileSpan } from '@cutpoint/llm';
import { isRunning, openReordered, reorderedFiles, saveReordered } from '@cutpoint/llm/parts';
import type { InferenceSession } from 'onnxruntime-node';
import { kernelRanges } from './kernel-ranges.js';

/** Files here are memory, on Linux. */
const sharedMemory = '/dev/shm';

/** A graph whose weights lie in files of a folder. */
export interface GraphInFolder {
  readonly graph: Model;
  readonly folder: string;
  /** Of its weights. */
  readonly bytes: number;
}

/** What the runtime made of a graph, in a folder of shared memory. */
export interface Reordered {
  readonly folder: string;
  readonly weights: string;
  /** What kernels read of the weights' file. */
  readonly ranges: readonly FileSpan[];
}

/**
 * Has the runtime write a graph's weights in the order that its kernels want, and does something with that while it is there.
 * @throws CutpointError CUT_EXTERNAL_DATA, CUT_LOAD, or CUT_DISK_FULL if shared memory has no room.
 */
export async function withReordered<T>(
  { graph, folder: from, bytes }: GraphInFolder,
  threads: number,
  use: (reordered: Reordered) => Promise<T>,
): Promise<T> {
  await removeLeftovers();
  await requireSharedMemory(3 * bytes);
  const folder = await mkdtemp(join(sharedMemory, `cutpoint-${process.pid}-`));
  try {
    await saveReordered(graph, from, folder, threads);
    const ranges = kernelRanges(parseModel(await readFile(join(folder, reorderedFiles.graph))));
    return await use({ folder, weights: join(folder, reorderedFiles.weights), ranges });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * A session over weights that lie in shared memory. Written over with those of another half layer of the same shape, it is that
 * half layer: nothing is opened. It rests on Linux showing what is written to a file in private mappings of it whose pages
 * nobody wrote to, and on the runtime not writing to its weights; `HalfSlots` tries both before it uses any.
 */
export class HalfSlot implements AsyncDisposable {
  readonly session: InferenceSession;
  /** Memory of the weights: as the runtime wrote them, in the order of the file as well. */
  readonly bytes: number;
  readonly #file: number;
  readonly #ranges: readonly FileSpan[];

  private constructor(session: InferenceSession, bytes: number, file: number, ranges: readonly FileSpan[]) {
    this.session = session;
    this.bytes = bytes;
    this.#file = file;
    this.#ranges = ranges;
  }

  /** @throws CutpointError as `withReordered` */
  static async open(of: GraphInFolder, threads: number): Promise<HalfSlot> {
    return await withReordered(of, threads, async ({ folder, weights, ranges }) => {
      const session = await openReordered(folder, threads);
      try {
        // Without a name the memory goes with the process, however that ends.
        return new HalfSlot(session, (await stat(weights)).size, openSync(weights, 'r+'), ranges);
      } catch (thrown) {
        await session.release();
        throw thrown;
      }
    });
  }

  /** Of a half layer's weights, as `fill` takes them. */
  get weightBytes(): number {
    return this.#ranges.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** @param weights what kernels read, one range behind the other. */
  fill(weights: Uint8Array): void {
    let at = 0;
    for (const { offset, bytes } of this.#ranges) {
      for (let done = 0; done < bytes; ) {
        done += writeSync(this.#file, weights, at + done, bytes - done, offset + done);
      }
      at += bytes;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    closeSync(this.#file);
    await this.session.release();
  }
}

/** Of processes that were killed while they had the runtime write. */
async function removeLeftovers(): Promise<void> {
  for (const name of await readdir(sharedMemory)) {
    const pid = /^cutpoint-(\d+)-/.exec(name)?.[1];
    if (pid !== undefined && !isRunning(Number(pid))) {
      await rm(join(sharedMemory, name), { recursive: true, force: true });
    }
  }
}

async function requireSharedMemory(bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(sharedMemory);
  if (bavail * bsize >= bytes) return;
  const mb = (value: number) => `${Math.ceil(value / 1e6)} MB`;
  throw new CutpointError(
    'CUT_DISK_FULL',
    `${sharedMemory} has ${mb(bavail * bsize)} free, and ${mb(bytes)} are needed: make it larger (in a container: --shm-size).`,
  );
}
