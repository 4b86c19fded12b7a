import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat, statfs, utimes } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type CancelSignal, CutpointError, throwIfCancelled } from '@cutpoint/core';
import { type ContentHash, contentHash } from '../ids.js';
import { diskError, noRoom } from './disk-error.js';
import { Incoming } from './incoming.js';
import { Room } from './room.js';

export interface ContentStoreOptions {
  /** Of this store alone: what lies there and is no content of it may be removed. One process at a time may use it. */
  readonly folder: string;
  /** What all files may take together; those that were not used for longest go first. */
  readonly maxBytes: number;
}

/** A file of the store that stays there until it is let go. */
export interface Hold extends Disposable {
  readonly hash: ContentHash;
  readonly bytes: number;
  readonly path: string;
}

/**
 * Files named by the SHA-256 of what is in them. A name appears only once the whole file is there and checked; what a
 * crash or a cut connection left behind is resumed. Only hashes ever become paths.
 */
export class ContentStore {
  readonly #folder: string;
  readonly #room: Room;
  /** By path: files that are being removed, so that none is written under the same name meanwhile. */
  readonly #removing = new Map<string, Promise<void>>();
  readonly #arriving = new Set<string>();

  private constructor(folder: string, room: Room) {
    this.#folder = folder;
    this.#room = room;
  }

  /** Opens a store, making its folder where there is none. @throws CutpointError CUT_FILE_WRITE, CUT_DISK_FULL. */
  static async open({ folder, maxBytes }: ContentStoreOptions): Promise<ContentStore> {
    const absolute = resolve(folder);
    const room = new Room(maxBytes);
    const store = new ContentStore(absolute, room);
    try {
      await rm(join(absolute, 'new'), { recursive: true, force: true });
      for (const name of ['files', 'partial', 'new']) await mkdir(join(absolute, name), { recursive: true });
      for (const { hash, bytes } of await contentIn(join(absolute, 'partial'))) room.addPartial(hash, bytes);
      for (const { hash, bytes } of await contentIn(join(absolute, 'files'))) room.addFile(hash, bytes);
    } catch (cause) {
      throw diskError(cause, absolute);
    }
    await store.#remove(room.takeOverLimit());
    return store;
  }

  /** What all files take, with those that are on their way. */
  get usedBytes(): number {
    return this.#room.usedBytes;
  }

  /** Keeps a file from being removed until the result is disposed; undefined if there is none of that hash. */
  async hold(hash: ContentHash): Promise<Hold | undefined> {
    const entry = this.#room.hold(hash);
    if (entry === undefined) return undefined;
    const path = this.#pathOf('files', hash);
    const now = new Date();
    // So that the order outlives a restart. It is a hint: files can be read where this cannot be written.
    await utimes(path, now, now).catch(() => undefined);
    let held = true;
    const release = () => {
      if (held) this.#room.release(entry);
      held = false;
    };
    return { hash, bytes: entry.bytes, path, [Symbol.dispose]: release };
  }

  /**
   * Puts in what a stream gives, of at most so many bytes.
   * @throws CutpointError CUT_CONTENT if more comes, CUT_DISK_FULL, CUT_FILE_WRITE, CUT_CANCELLED; what the stream throws.
   */
  async put(
    chunks: AsyncIterable<Uint8Array>,
    { maxBytes, signal }: { maxBytes: number; signal?: CancelSignal },
  ): Promise<Hold> {
    const temporary = join(this.#folder, 'new', randomBytes(16).toString('hex'));
    await this.#reserve(maxBytes, 0);
    try {
      await using incoming = await this.#incoming(temporary, 'wx', {
        bytes: maxBytes,
        hash: undefined,
        keep: (hash, bytes) => this.#keep(temporary, hash, bytes),
        leave: () => rm(temporary, { force: true }),
      });
      for await (const chunk of chunks) {
        throwIfCancelled(signal);
        await incoming.write(chunk);
      }
      return await this.#kept(await incoming.finish());
    } finally {
      this.#room.unreserve(maxBytes);
    }
  }

  /**
   * Begins to receive a file, or goes on where it was left. The result must be finished or disposed; only one may be
   * under way for a hash.
   * @throws CutpointError CUT_DISK_FULL if there is no room for it, CUT_FILE_WRITE.
   */
  async receive(hash: ContentHash, bytes: number): Promise<Incoming> {
    if (this.#arriving.has(hash)) throw new CutpointError('CUT_INTERNAL', `The file ${hash} is on its way already.`);
    this.#arriving.add(hash);
    const path = this.#pathOf('partial', hash);
    const here = this.#room.takePartial(hash);
    const end = () => {
      this.#room.unreserve(bytes);
      this.#arriving.delete(hash);
    };
    try {
      await this.#removing.get(path);
      await this.#reserve(bytes, here);
    } catch (thrown) {
      this.#arriving.delete(hash);
      this.#room.addPartial(hash, here);
      throw thrown;
    }
    const incoming = await this.#incoming(path, 'a+', {
      bytes,
      hash,
      keep: (found, size) => this.#keep(path, found, size).finally(end),
      leave: async (size) => {
        if (size === 0) await rm(path, { force: true });
        else this.#room.addPartial(hash, size);
        end();
      },
    }).catch((thrown: unknown) => {
      end();
      throw thrown;
    });
    await incoming.resume();
    return incoming;
  }

  /**
   * Reads a file again and tells whether it still is what its name says; one that is not, for example after a bad
   * block of the disk, is removed, so that it can be fetched anew.
   */
  async verify(hold: Hold): Promise<boolean> {
    const digest = createHash('sha256');
    try {
      for await (const chunk of createReadStream(hold.path)) digest.update(chunk as Uint8Array);
      if (digest.digest('hex') === hold.hash) return true;
    } catch (cause) {
      const code = (cause as NodeJS.ErrnoException).code;
      if (code !== 'ENOENT' && code !== 'EIO') throw diskError(cause, this.#folder);
    }
    this.#room.forget(hold.hash);
    await this.#remove([{ hash: hold.hash, partial: false }]);
    return false;
  }

  /** Removes all that is not in use. */
  async clear(): Promise<void> {
    await this.#remove(this.#room.takeIdle());
  }

  async #incoming(
    path: string,
    flags: string,
    parts: Omit<ConstructorParameters<typeof Incoming>[0], 'file' | 'folder'>,
  ) {
    try {
      return new Incoming({ ...parts, folder: this.#folder, file: await open(path, flags, 0o600) });
    } catch (cause) {
      throw diskError(cause, this.#folder);
    }
  }

  /** Room within the limit and on the disk, made by removing what is not in use. */
  async #reserve(bytes: number, here: number): Promise<void> {
    const removed = this.#room.reserve(bytes);
    if (removed === undefined)
      throw noRoom(bytes, this.#room.mostBytes, `can be had: the store may hold ${this.#room.maxBytes} bytes`);
    try {
      await this.#remove(removed);
      const { bavail, bsize } = await statfs(this.#folder);
      const lack = bytes - here - bavail * bsize;
      if (lack <= 0) return;
      const more = this.#room.takeFor(lack);
      if (more === undefined) throw noRoom(bytes - here, bavail * bsize, `are free on the disk with ${this.#folder}`);
      await this.#remove(more);
    } catch (thrown) {
      this.#room.unreserve(bytes);
      throw diskError(thrown, this.#folder);
    }
  }

  /** From here on the file is there. */
  async #keep(from: string, hash: string, bytes: number): Promise<void> {
    const target = this.#pathOf('files', hash);
    try {
      await this.#removing.get(target);
      await rename(from, target);
      const folder = await open(join(this.#folder, 'files'), 'r');
      await folder.sync().finally(() => folder.close());
    } catch (cause) {
      await rm(from, { force: true });
      throw diskError(cause, this.#folder);
    }
    this.#room.addFile(hash, bytes);
  }

  async #kept(hash: string): Promise<Hold> {
    const hold = await this.hold(contentHash.parse(hash));
    if (hold === undefined) throw new CutpointError('CUT_INTERNAL', `The file ${hash} was kept, but is not there.`);
    return hold;
  }

  async #remove(gone: readonly { hash: string; partial: boolean }[]): Promise<void> {
    const all = gone.map(({ hash, partial }) => {
      const path = this.#pathOf(partial ? 'partial' : 'files', hash);
      const removal = rm(path, { force: true });
      const settled = removal.then(
        () => undefined,
        () => undefined, // heard of below
      );
      this.#removing.set(path, settled);
      void settled.then(() => this.#removing.delete(path));
      return removal;
    });
    try {
      await Promise.all(all);
    } catch (cause) {
      throw diskError(cause, this.#folder);
    }
  }

  /** The only place where something from outside becomes a path. */
  #pathOf(kind: 'files' | 'partial', hash: string): string {
    if (!contentHash.safeParse(hash).success) throw new CutpointError('CUT_INTERNAL', 'A file is named by no hash.');
    return join(this.#folder, kind, hash);
  }
}

/** The least recently used first. */
async function contentIn(folder: string): Promise<{ hash: string; bytes: number }[]> {
  const names = (await readdir(folder)).filter((name) => contentHash.safeParse(name).success);
  const files = await Promise.all(
    names.map(async (hash) => {
      const { size, mtimeMs } = await stat(join(folder, hash));
      return { hash, bytes: size, mtimeMs };
    }),
  );
  return files.sort((a, b) => a.mtimeMs - b.mtimeMs);
}
