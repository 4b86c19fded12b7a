import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { type CancelSignal, CutpointError, throwIfCancelled } from '@cutpoint/core';
import type { PackagePart } from './package-manifest.js';
import { layOut, spanAlignment } from './part-layout.js';
import { bytesOf, type PartContent, type WeightContent } from './weight-content.js';

export interface WriteOptions {
  readonly signal?: CancelSignal | undefined;
  /** Called with the bytes that were written since the last call. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

/**
 * Writes one file of weights and hashes it on the way. Codes go out as they come; scales and zero points, which lie behind
 * them, wait in memory: an eighth of the codes at most.
 * @param path where the file shall lie. @param name what the manifest calls it.
 */
export async function writePart<Name extends string>(
  path: string,
  name: string,
  content: PartContent<Name>,
  options: WriteOptions = {},
): Promise<PackagePart<Name>> {
  const weights = Object.entries<WeightContent | undefined>(content).flatMap(([weight, source]) =>
    source === undefined ? [] : [[weight, source] as const],
  );
  const layout = layOut(weights.map(([weight, { form }]) => [weight, form]));
  const file = await open(path, 'wx');
  try {
    const out = new HashedFile(file, options);
    for (const [weight, source] of weights) await writeWeight(out, weight, source);
    const sha256 = out.digest();
    return { path: name, bytes: layout.bytes, sha256, weights: layout.weights as PackagePart<Name>['weights'] };
  } finally {
    await file.close();
  }
}

async function writeWeight(out: HashedFile, name: string, { form, pieces }: WeightContent): Promise<void> {
  const expected = bytesOf(form);
  const scales: Uint8Array[] = [];
  const zeroPoints: Uint8Array[] = [];
  await out.align();
  const start = out.bytes;
  for await (const piece of pieces()) {
    await out.write(piece.values);
    if (piece.scales.length > 0) scales.push(piece.scales);
    if (piece.zeroPoints.length > 0) zeroPoints.push(piece.zeroPoints);
  }
  requireBytes(name, 'values', out.bytes - start, expected.values);
  await writeSpan(out, name, 'scales', scales, expected.scales);
  await writeSpan(out, name, 'zero points', zeroPoints, expected.zeroPoints);
}

async function writeSpan(out: HashedFile, name: string, what: string, pieces: Uint8Array[], bytes: number) {
  if (bytes === 0 && pieces.length === 0) return;
  await out.align();
  const start = out.bytes;
  for (const piece of pieces) await out.write(piece);
  requireBytes(name, what, out.bytes - start, bytes);
}

function requireBytes(name: string, what: string, bytes: number, expected: number): void {
  if (bytes === expected) return;
  throw new CutpointError('CUT_INTERNAL', `The ${what} of ${name} came as ${bytes} bytes instead of ${expected}.`);
}

/** A file that is written from front to back and hashed. */
class HashedFile {
  readonly #file: FileHandle;
  readonly #options: WriteOptions;
  readonly #hash: Hash = createHash('sha256');
  bytes = 0;

  constructor(file: FileHandle, options: WriteOptions) {
    this.#file = file;
    this.#options = options;
  }

  /** Fills up with zeros to where a span may begin. */
  async align(): Promise<void> {
    const over = this.bytes % spanAlignment;
    if (over > 0) await this.write(new Uint8Array(spanAlignment - over));
  }

  async write(bytes: Uint8Array): Promise<void> {
    throwIfCancelled(this.#options.signal);
    this.#hash.update(bytes);
    let done = 0;
    while (done < bytes.length) {
      const { bytesWritten } = await this.#file.write(bytes, done, bytes.length - done, this.bytes + done);
      done += bytesWritten;
    }
    this.bytes += bytes.length;
    this.#options.onBytes?.(bytes.length);
  }

  digest(): string {
    return this.#hash.digest('hex');
  }
}
