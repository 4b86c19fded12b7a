import type { ContentHash, ContentStore, Hold, Incoming } from '@cutpoint/control';
import { type CancelSignal, CutpointError, throwIfCancelled } from '@cutpoint/core';

/** How much of a file is here. */
export interface UploadState {
  readonly hash: ContentHash;
  readonly complete: boolean;
  readonly receivedBytes: number;
}

/** A part of a file, and where in it the part belongs. */
export interface UploadPart {
  readonly hash: ContentHash;
  readonly offset: number;
  /** Of the whole file. */
  readonly bytes: number;
  readonly chunks: AsyncIterable<Uint8Array>;
  readonly signal?: CancelSignal;
}

export interface UploadsOptions {
  readonly content: ContentStore;
  /** A file of which nothing came for so long is closed; what is here of it can be gone on with. Default 60 s. */
  readonly idleMs?: number;
  /** A file that is here waits so long for its deployment, safe from being removed for others. Default 30 minutes. */
  readonly keepMs?: number;
}

interface OpenUpload {
  readonly incoming: Incoming;
  busy: boolean;
  timer: NodeJS.Timeout | undefined;
}

const mostOpen = 16;
const mostKept = 256;

/** Files on their way into a content store, in parts: each is checked against its hash before it counts as there. */
export class Uploads implements AsyncDisposable {
  readonly #options: UploadsOptions;
  readonly #open = new Map<ContentHash, OpenUpload>();
  readonly #opening = new Set<ContentHash>();
  /** The one that was used for longest not comes first. */
  readonly #kept = new Map<ContentHash, { hold: Hold; timer: NodeJS.Timeout }>();

  constructor(options: UploadsOptions) {
    this.#options = options;
  }

  /** How much of a file is here, of what has been begun since the server's start. */
  async look(hash: ContentHash): Promise<UploadState> {
    const hold = await this.#options.content.hold(hash);
    if (hold === undefined) return { hash, complete: false, receivedBytes: this.#open.get(hash)?.incoming.offset ?? 0 };
    this.#keep(hash, hold);
    return { hash, complete: true, receivedBytes: hold.bytes };
  }

  /**
   * Takes a part; with the last one the file is checked and kept.
   * @throws CutpointError CUT_CONFLICT if the part does not go on where the last one ended (`look` says where), or another
   * caller sends the same file; CUT_CONTENT if the file is not what its hash says; CUT_OVERLOADED, CUT_DISK_FULL,
   * CUT_FILE_WRITE, CUT_CANCELLED; what the stream throws.
   */
  async take(part: UploadPart): Promise<UploadState> {
    const { hash, bytes } = part;
    const state = await this.look(hash);
    if (state.complete) return state;
    const upload = await this.#upload(hash, bytes);
    if (upload.busy) throw new CutpointError('CUT_CONFLICT', `The file ${hash} is being sent already.`);
    upload.busy = true;
    clearTimeout(upload.timer);
    try {
      const { incoming } = upload;
      if (incoming.bytes !== bytes || incoming.offset !== part.offset) throw misplaced(part, incoming);
      for await (const chunk of part.chunks) {
        throwIfCancelled(part.signal);
        await incoming.write(chunk);
      }
      if (incoming.offset === bytes) {
        await incoming.finish();
        await this.#close(hash);
      }
    } catch (thrown) {
      // What a caller does wrong, or a connection that ends, leaves what is here as it is.
      if (isSpoilt(thrown)) await this.#close(hash);
      throw thrown;
    } finally {
      upload.busy = false;
      if (this.#open.get(hash) === upload)
        upload.timer = setTimeout(() => void this.#close(hash), this.#options.idleMs ?? 60_000);
    }
    return await this.look(hash);
  }

  async #upload(hash: ContentHash, bytes: number): Promise<OpenUpload> {
    const open = this.#open.get(hash);
    if (open !== undefined) return open;
    if (this.#opening.has(hash)) throw new CutpointError('CUT_CONFLICT', `The file ${hash} is being sent already.`);
    if (this.#open.size + this.#opening.size >= mostOpen) {
      throw new CutpointError('CUT_OVERLOADED', `${mostOpen} files are on their way already: try again later.`);
    }
    this.#opening.add(hash);
    try {
      const incoming = await this.#options.content.receive(hash, bytes);
      const upload = { incoming, busy: false, timer: undefined };
      this.#open.set(hash, upload);
      return upload;
    } finally {
      this.#opening.delete(hash);
    }
  }

  async #close(hash: ContentHash): Promise<void> {
    const upload = this.#open.get(hash);
    this.#open.delete(hash);
    clearTimeout(upload?.timer);
    await upload?.incoming[Symbol.asyncDispose]();
  }

  #keep(hash: ContentHash, hold: Hold): void {
    this.#letGo(hash);
    const timer = setTimeout(() => this.#letGo(hash), this.#options.keepMs ?? 30 * 60_000);
    timer.unref();
    this.#kept.set(hash, { hold, timer });
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > mostKept && oldest !== undefined) this.#letGo(oldest);
  }

  #letGo(hash: ContentHash): void {
    const kept = this.#kept.get(hash);
    this.#kept.delete(hash);
    clearTimeout(kept?.timer);
    kept?.hold[Symbol.dispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const hash of [...this.#open.keys()]) await this.#close(hash);
    for (const hash of [...this.#kept.keys()]) this.#letGo(hash);
  }
}

function misplaced({ hash, offset, bytes }: UploadPart, incoming: Incoming): CutpointError {
  const message = `The file ${hash} of ${incoming.bytes} bytes goes on at byte ${incoming.offset}, not at ${offset} of ${bytes}.`;
  return new CutpointError('CUT_CONFLICT', message);
}

/** The file begins anew after these. */
function isSpoilt(thrown: unknown): boolean {
  return thrown instanceof CutpointError && ['CUT_CONTENT', 'CUT_DISK_FULL', 'CUT_FILE_WRITE'].includes(thrown.code);
}
