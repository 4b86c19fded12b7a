import { createHash, type Hash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { CutpointError } from '@cutpoint/core';
import { diskError } from './disk-error.js';

/** What a file that comes in is written to and told by; the store owns the file. */
export interface IncomingParts {
  readonly file: FileHandle;
  readonly folder: string;
  /** What the file may have at most; where a hash is expected, what it must have. */
  readonly bytes: number;
  /** Undefined for a file whose hash is yet to be found out. */
  readonly hash: string | undefined;
  /** Keeps the whole file under its hash. */
  readonly keep: (hash: string, bytes: number) => Promise<void>;
  /** Leaves what is there to be resumed, or removes it. */
  readonly leave: (bytes: number) => Promise<void>;
}

/** A file on its way into a store: hashed while it is written, and kept only if it is what was announced. */
export class Incoming implements AsyncDisposable {
  readonly #parts: IncomingParts;
  #digest: Hash = createHash('sha256');
  #offset = 0;
  #ended = false;

  constructor(parts: IncomingParts) {
    this.#parts = parts;
  }

  /** Bytes that are here. */
  get offset(): number {
    return this.#offset;
  }

  get bytes(): number {
    return this.#parts.bytes;
  }

  /** Takes in what an earlier run has written. @throws CutpointError CUT_FILE_WRITE; it is disposed then. */
  async resume(): Promise<void> {
    const { file, bytes, folder } = this.#parts;
    try {
      const { size } = await file.stat();
      if (size > bytes) return await this.restart();
      const buffer = new Uint8Array(256 * 1024);
      while (this.#offset < size) {
        const { bytesRead } = await file.read(buffer, 0, buffer.length, this.#offset);
        if (bytesRead === 0) break;
        this.#digest.update(buffer.subarray(0, bytesRead));
        this.#offset += bytesRead;
      }
    } catch (cause) {
      this.#offset = 0;
      await this[Symbol.asyncDispose]();
      throw diskError(cause, folder);
    }
  }

  /**
   * @throws CutpointError CUT_CONTENT if more comes than was announced, CUT_DISK_FULL; it begins again with nothing then.
   * CUT_FILE_WRITE.
   */
  async write(chunk: Uint8Array): Promise<void> {
    const { file, bytes } = this.#parts;
    if (this.#offset + chunk.length > bytes) {
      await this.restart();
      throw new CutpointError('CUT_CONTENT', `More bytes came than the ${bytes} that were announced.`);
    }
    this.#digest.update(chunk);
    try {
      for (let done = 0; done < chunk.length; ) {
        const { bytesWritten } = await file.write(chunk, done, chunk.length - done, this.#offset);
        done += bytesWritten;
        this.#offset += bytesWritten;
      }
    } catch (cause) {
      throw await this.#full(cause);
    }
  }

  /** Begins again with nothing. */
  async restart(): Promise<void> {
    try {
      await this.#parts.file.truncate(0);
    } catch (cause) {
      throw diskError(cause, this.#parts.folder);
    }
    this.#digest = createHash('sha256');
    this.#offset = 0;
  }

  /**
   * Keeps the file under its hash and ends. Where it is not what was announced, it begins again with nothing and can be
   * written anew.
   * @throws CutpointError CUT_CONTENT, CUT_DISK_FULL, CUT_FILE_WRITE.
   */
  async finish(): Promise<string> {
    const found = this.#digest.copy().digest('hex');
    const { hash = found, bytes, file } = this.#parts;
    if (found !== hash || (this.#parts.hash !== undefined && this.#offset !== bytes)) {
      const message = `${this.#offset} bytes with SHA-256 ${found} came instead of ${bytes} with ${hash}.`;
      await this.restart();
      throw new CutpointError('CUT_CONTENT', message);
    }
    try {
      // A power cut must not leave a good name with half the bytes behind it.
      await file.sync();
    } catch (cause) {
      throw await this.#full(cause);
    }
    this.#ended = true;
    await file.close();
    await this.#parts.keep(hash, this.#offset);
    return hash;
  }

  /** A full disk shall not stay full with half a file. */
  async #full(cause: unknown): Promise<CutpointError> {
    const error = diskError(cause, this.#parts.folder);
    if (error.code === 'CUT_DISK_FULL') await this.restart();
    return error;
  }

  /** Ends without keeping: what is there can be resumed, if its hash is known. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    await this.#parts.file.close();
    await this.#parts.leave(this.#offset);
  }
}
