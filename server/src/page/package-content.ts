import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type ContentHash, type ContentSource, contentHash, type Hold } from '@cutpoint/control';
import { filesOf, manifestName, type PackageManifest } from '@cutpoint/llm';

/** A package whose files browsers get by their hashes. */
export interface ServedPackage {
  readonly folder: string;
  readonly manifest: PackageManifest;
  readonly manifestHash: string;
  /** Layers from this one on are not given away: no page runs them. */
  readonly layersBefore: number;
}

/** The files of a package that a page can need, as content by hash: those behind every cut stay here. */
export async function packageContent(
  served: ServedPackage,
): Promise<ContentSource & { readonly manifestBytes: number }> {
  const { folder, manifest, manifestHash, layersBefore } = served;
  const manifestPath = join(folder, manifestName);
  const { size } = await stat(manifestPath);
  const kept = new Set(manifest.layers.slice(layersBefore).map(({ path }) => path));
  const files = new Map<ContentHash, Hold>();
  const add = (hash: string, path: string, bytes: number) => {
    const named = contentHash.parse(hash);
    // Nothing is held: a package does not change while it is served.
    files.set(named, { hash: named, bytes, path, [Symbol.dispose]: () => undefined });
  };
  for (const { path, sha256, bytes } of filesOf(manifest)) {
    if (!kept.has(path)) add(sha256, join(folder, path), bytes);
  }
  add(manifestHash, manifestPath, size);
  return { hold: async (hash) => files.get(hash), manifestBytes: size };
}
