import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ContentHash, ContentStore } from '@cutpoint/control';
import { CutpointError } from '@cutpoint/core';
import type { SplitSource } from '@cutpoint/daemon';

/** The part of a split that a page runs. */
export interface FrontSegment {
  /** SHA-256 of its ONNX file, and how long that is; absent if there is nothing to compute. */
  readonly model: { readonly hash: ContentHash; readonly bytes: number } | null;
  readonly sends: readonly string[];
  readonly answers: readonly string[];
}

/** What the segments of pages may take on disk together; those that were not asked for longest go first. */
const maxBytes = 8 * 1024 ** 3;

/** The front segments of a model's splits, written where pages can fetch them by their hash. */
export class FrontSegments implements AsyncDisposable {
  readonly content: ContentStore;
  readonly #folder: string;
  readonly #source: SplitSource;
  readonly #made = new Map<string, Promise<FrontSegment>>();

  private constructor(source: SplitSource, folder: string, content: ContentStore) {
    this.#source = source;
    this.#folder = folder;
    this.content = content;
  }

  /** @throws CutpointError CUT_FILE_WRITE, CUT_DISK_FULL */
  static async open(source: SplitSource): Promise<FrontSegments> {
    const folder = await mkdtemp(join(tmpdir(), 'cutpoint-page-'));
    return new FrontSegments(source, folder, await ContentStore.open({ folder, maxBytes }));
  }

  /**
   * The front segment of a split; its file is there afterwards.
   * @throws CutpointError CUT_ILLEGAL_CUT, CUT_MODEL_MISMATCH; CUT_EXTERNAL_DATA if its weights are not in the model's file;
   * CUT_FILE_WRITE, CUT_DISK_FULL.
   */
  async of(at: readonly number[]): Promise<FrontSegment> {
    const key = String(at);
    const known = this.#made.get(key);
    if (known !== undefined && (await this.#isThere(known))) return await known;
    const made = this.#make(at);
    this.#made.set(key, made);
    made.catch(() => this.#made.delete(key));
    return await made;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** It may have made room for others. */
  async #isThere(known: Promise<FrontSegment>): Promise<boolean> {
    const { model } = await known;
    if (model === null) return true;
    using hold = await this.content.hold(model.hash);
    return hold !== undefined;
  }

  async #make(at: readonly number[]): Promise<FrontSegment> {
    const plan = this.#source.splitAt(at).segments[0];
    if (plan === undefined) throw new CutpointError('CUT_INTERNAL', 'A split has no first segment.');
    const source = await plan.source();
    const { sends, answers } = plan;
    if (source === null) return { model: null, sends, answers };
    if (source.kind === 'file' || source.weightsFolder !== undefined) {
      const message =
        'Pages take a front segment as one file, and the weights of this one lie beside it: save the model with its weights inside.';
      throw new CutpointError('CUT_EXTERNAL_DATA', message);
    }
    const { model } = source;
    using hold = await this.content.put(inPieces(model), { maxBytes: model.length });
    return { model: { hash: hold.hash, bytes: hold.bytes }, sends, answers };
  }
}

const pieceBytes = 1024 ** 2;

async function* inPieces(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}
