import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ContentHash, contentHash } from '../ids.js';
import { ContentStore } from './store.js';

/** A store in a folder of its own, removed when disposed. */
export interface TemporaryStore extends AsyncDisposable {
  readonly folder: string;
  readonly store: ContentStore;
}

export async function temporaryStore(maxBytes = 1e9): Promise<TemporaryStore> {
  const folder = await mkdtemp(join(tmpdir(), 'cutpoint-content-'));
  const store = await ContentStore.open({ folder, maxBytes });
  return { folder, store, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}

export function hashOf(bytes: Uint8Array): ContentHash {
  return contentHash.parse(createHash('sha256').update(bytes).digest('hex'));
}

/** Bytes that are the same for the same seed, and cannot be told from chance. */
export function noise(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = (seed + 1) * 0x9e3779b1;
  for (let i = 0; i < length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[i] = state;
  }
  return bytes;
}

export async function* inChunks(bytes: Uint8Array, size = 1000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
