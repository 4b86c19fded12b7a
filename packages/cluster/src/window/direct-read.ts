import { closeSync, constants, openSync, readSync } from 'node:fs';
import { type CutpointError, systemReason } from '@cutpoint/core';
import { fileError } from './read-protocol.js';

/** What disks read in units of, at the most. */
const blockBytes = 4096;

/** Buffers begin at multiples of this. */
const addressStep = 16;

/** Where wanted bytes came to lie in a buffer. */
export interface BytesRead {
  readonly start: number;
  /** Past the page cache, by the disk itself. */
  readonly direct: boolean;
}

/**
 * Reads spans of files into buffers past the page cache where the system can: what is streamed once per token would only push out
 * what others need, costs a copy, and counts as memory of the control group. Blocks its thread.
 */
export class SpanReader {
  #direct = constants.O_DIRECT !== undefined;
  /** Where memory was aligned the last time. */
  #base = 0;

  /**
   * @param buffer of `bufferBytes` at least.
   * @throws CutpointError CUT_FILE_NOT_FOUND if the file cannot be opened or read, CUT_PACKAGE if it ends early.
   */
  read(path: string, offset: number, bytes: number, buffer: SharedArrayBuffer): BytesRead {
    if (this.#direct) {
      const start = this.#readDirect(path, offset, bytes, buffer);
      if (start !== undefined) return { start, direct: true };
      this.#direct = false;
    }
    using file = new OpenFile(path, constants.O_RDONLY);
    file.read(new Uint8Array(buffer, 0, bytes), offset, bytes);
    return { start: 0, direct: false };
  }

  /** @returns where the bytes begin; undefined if files cannot be read so here. */
  #readDirect(path: string, offset: number, bytes: number, buffer: SharedArrayBuffer): number | undefined {
    using file = OpenFile.direct(path);
    if (file === undefined) return undefined;
    const before = offset % blockBytes;
    const wanted = before + bytes;
    const whole = Math.ceil(wanted / blockBytes) * blockBytes;
    // The disk writes to aligned memory only, and no JavaScript tells an address: what fits is found by trying.
    for (let tried = 0; tried < blockBytes; tried += addressStep) {
      const base = (this.#base + tried) % blockBytes;
      if (!file.takes(new Uint8Array(buffer, base, blockBytes), offset - before)) continue;
      file.read(new Uint8Array(buffer, base, whole), offset - before, wanted);
      this.#base = base;
      return base + before;
    }
    return undefined;
  }
}

class OpenFile implements Disposable {
  readonly #path: string;
  readonly #descriptor: number;

  constructor(path: string, flags: number) {
    this.#path = path;
    this.#descriptor = attempt(path, () => openSync(path, flags));
  }

  /** @returns undefined if this file's system cannot. */
  static direct(path: string): OpenFile | undefined {
    try {
      return new OpenFile(path, constants.O_RDONLY | constants.O_DIRECT);
    } catch (thrown) {
      if (isRefusal((thrown as CutpointError).cause)) return undefined;
      throw thrown;
    }
  }

  /** Whether the disk reads into this memory. */
  takes(memory: Uint8Array, position: number): boolean {
    try {
      readSync(this.#descriptor, memory, 0, memory.length, position);
      return true;
    } catch (thrown) {
      if (isRefusal(thrown)) return false;
      throw fileError(this.#path, systemReason(thrown), thrown);
    }
  }

  /** Reads on until `wanted` bytes are there. */
  read(into: Uint8Array, position: number, wanted: number): void {
    for (let done = 0; done < wanted; ) {
      const got = attempt(this.#path, () =>
        readSync(this.#descriptor, into, done, into.length - done, position + done),
      );
      if (got === 0) throw fileError(this.#path, undefined);
      done += got;
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#descriptor);
  }
}

function attempt<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (thrown) {
    throw fileError(path, systemReason(thrown), thrown);
  }
}

function isRefusal(thrown: unknown): boolean {
  return thrown instanceof Error && (thrown as NodeJS.ErrnoException).code === 'EINVAL';
}
