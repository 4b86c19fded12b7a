import { type FileHandle, open } from 'node:fs/promises';
import { CutpointError, systemReason } from '@cutpoint/core';
import type { FileSpan, StoredWeight, WeightPiece } from '@cutpoint/llm';

export type Blocks = StoredWeight & { readonly kind: 'blocks' };

/** Bytes per row of codes, of scales and of zero points. */
export function rowLengths({
  bits,
  block,
  columns,
  zeroPoints,
}: Pick<Blocks, 'bits' | 'block' | 'columns' | 'zeroPoints'>) {
  const blocks = Math.ceil(columns / block);
  return {
    codes: (blocks * block * bits) / 8,
    scales: blocks * 4,
    zeroPoints: zeroPoints === null ? 0 : Math.ceil((blocks * bits) / 8),
  };
}

/** Opens a file of weights. @throws CutpointError CUT_FILE_NOT_FOUND */
export async function openSource(path: string): Promise<SourceFile> {
  try {
    return new SourceFile(path, await open(path));
  } catch (cause) {
    const message = `${path} cannot be opened: ${systemReason(cause)}.`;
    throw new CutpointError('CUT_FILE_NOT_FOUND', message, { cause });
  }
}

/** A package's file that rows are read from. */
export class SourceFile implements AsyncDisposable {
  readonly #path: string;
  readonly #file: FileHandle;

  constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  async read(position: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const { bytesRead } = await this.#file.read(bytes, done, length - done, position + done);
      if (bytesRead === 0) {
        throw new CutpointError('CUT_EXTERNAL_DATA', `${this.#path} is too short: copy or import the package again.`);
      }
      done += bytesRead;
    }
    return bytes;
  }

  /** Whole rows. */
  async blocks(stored: Blocks, first: number, count: number): Promise<WeightPiece> {
    const lengths = rowLengths(stored);
    const rows = (span: FileSpan | null, bytes: number) =>
      span === null ? new Uint8Array(0) : this.read(span.offset + first * bytes, count * bytes);
    const [values, scales, zeroPoints] = await Promise.all([
      rows(stored.codes, lengths.codes),
      rows(stored.scales, lengths.scales),
      rows(stored.zeroPoints, lengths.zeroPoints),
    ]);
    return { values, scales, zeroPoints };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}
