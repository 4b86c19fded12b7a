import type { PackageManifest } from '../package/package-manifest.js';
import { partsIn } from '../package/parts-in-folder.js';
import { EmbeddingTable } from './embedding-table.js';

/** The embedding of a package in a folder. @throws CutpointError CUT_FILE_NOT_FOUND or CUT_PACKAGE. */
export function openEmbedding(folder: string, manifest: PackageManifest): Promise<EmbeddingTable> {
  return EmbeddingTable.open(partsIn(folder), manifest);
}
