import { createHash } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { type CancelSignal, CutpointError, throwIfCancelled } from '@cutpoint/core';
import { isRunning, requireDiskSpace } from '@cutpoint/llm/parts';
import { env } from 'onnxruntime-node';
import { type GraphInFolder, withReordered } from './half-slot.js';

/** What is to lie in a file. */
export interface WantedFile {
  readonly half: number;
  readonly of: GraphInFolder;
  readonly bytes: number;
}

const prefix = 'reordered-';

/** Weights as kernels of this runtime want them on this processor, beside a shard: made once, then read for every token. */
export class ReorderedFiles {
  readonly #shardFolder: string;
  readonly #name: string;

  constructor(shardFolder: string) {
    const about = JSON.stringify([env.versions, process.arch, cpus()[0]?.model]);
    this.#shardFolder = shardFolder;
    this.#name = `${prefix}${createHash('sha256').update(about).digest('hex').slice(0, 16)}`;
  }

  pathOf(half: number): string {
    return join(this.#folder, `${String(half).padStart(3, '0')}.bin`);
  }

  /** Makes what is missing, and removes what another runtime or processor wanted. @throws CutpointError as `withReordered`, CUT_DISK_FULL or CUT_CANCELLED. */
  async complete(wanted: readonly WantedFile[], threads: number, signal?: CancelSignal): Promise<void> {
    for (const name of await readdir(this.#shardFolder)) {
      if (name.startsWith(prefix) && name !== this.#name) await rm(join(this.#shardFolder, name), { recursive: true });
    }
    await mkdir(this.#folder, { recursive: true });
    await this.#removeLeftovers();
    const missing: WantedFile[] = [];
    for (const file of wanted) if (!(await this.#has(file))) missing.push(file);
    const missingBytes = missing.reduce((sum, { bytes }) => sum + bytes, 0);
    await requireDiskSpace(this.#folder, missingBytes);
    for (const file of missing) {
      throwIfCancelled(signal);
      await this.#make(file, threads);
    }
  }

  get #folder(): string {
    return join(this.#shardFolder, this.#name);
  }

  async #has({ half, bytes }: WantedFile): Promise<boolean> {
    const found = await stat(this.pathOf(half)).catch(() => undefined);
    return found?.size === bytes;
  }

  /** Of processes that were killed while they wrote. */
  async #removeLeftovers(): Promise<void> {
    for (const name of await readdir(this.#folder)) {
      const pid = /\.(\d+)\.partial$/.exec(name)?.[1];
      if (pid !== undefined && !isRunning(Number(pid))) await rm(join(this.#folder, name), { force: true });
    }
  }

  async #make({ half, of }: WantedFile, threads: number): Promise<void> {
    const path = this.pathOf(half);
    // Others may make the same file; all make it alike.
    const partial = `${path}.${process.pid}.partial`;
    await withReordered(of, threads, async ({ weights, ranges }) => {
      await using from = await open(weights, 'r');
      await using to = await open(partial, 'w');
      for (const { offset, bytes } of ranges) {
        const buffer = new Uint8Array(bytes);
        const { bytesRead } = await from.read(buffer, 0, bytes, offset);
        if (bytesRead < bytes) throw new CutpointError('CUT_LOAD', `The runtime wrote ${bytesRead} of ${bytes} bytes.`);
        await to.writeFile(buffer);
      }
      // What lies under the name is whole, whatever happens to this machine.
      await to.datasync();
    });
    await rename(partial, path);
  }
}
