import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DecoderConfig } from '../architecture/decoder-config.js';
import {
  type LayerWeightName,
  manifestName,
  type PackageFile,
  type PackageManifest,
  packageFormat,
  packageVersion,
} from './package-manifest.js';
import { layOut } from './part-layout.js';
import type { PartContent } from './weight-content.js';
import { requireFolderPlace, writeFolder } from './write-folder.js';
import { type WriteOptions, writePart } from './write-part.js';

/** A file that is written as it is: one of the tokenizer. */
export interface NamedFile {
  readonly path: string;
  readonly content: Uint8Array;
}

/** All that a package is made of; weights are asked for when it is their turn. */
export interface PackageContent {
  readonly name: string;
  /** As in the manifest. */
  readonly checkpoint: string;
  readonly config: DecoderConfig;
  readonly embedding: PartContent<'table'>;
  readonly layers: readonly PartContent<LayerWeightName>[];
  readonly head: PartContent<'norm' | 'matrix'>;
  readonly tokenizer: readonly NamedFile[];
}

/** Bytes of all weights of a package, known before any is made. */
export function packageBytes({ embedding, layers, head }: PackageContent): number {
  let bytes = 0;
  for (const part of [embedding, ...layers, head]) {
    const weights = Object.entries(part).map(([name, { form }]) => [name, form] as const);
    bytes += layOut(weights).bytes;
  }
  return bytes;
}

/**
 * Writes a package. It appears under `folder` when it is complete.
 * @throws CutpointError CUT_DISK_FULL, CUT_FILE_WRITE (also if `folder` exists), CUT_CANCELLED, and what the weights throw.
 */
export async function writePackage(
  folder: string,
  content: PackageContent,
  options: WriteOptions = {},
): Promise<PackageManifest> {
  return await writeFolder(folder, packageBytes(content), (growing) => writeFiles(growing, content, options));
}

/** Asks before long work whether a package can be written. @throws CutpointError CUT_DISK_FULL, CUT_FILE_WRITE */
export async function requirePlace(folder: string, content: PackageContent): Promise<void> {
  await requireFolderPlace(folder, packageBytes(content));
}

async function writeFiles(folder: string, content: PackageContent, options: WriteOptions): Promise<PackageManifest> {
  const part = <Name extends string>(name: string, weights: PartContent<Name>) =>
    writePart(join(folder, name), name, weights, options);
  await mkdir(join(folder, 'layers'));
  const embedding = await part('embedding.bin', content.embedding);
  const layers = [];
  for (const [i, weights] of content.layers.entries()) {
    layers.push(await part(`layers/${String(i).padStart(3, '0')}.bin`, weights));
  }
  const head = await part('head.bin', content.head);
  const tokenizer: PackageFile[] = [];
  for (const { path, content: bytes } of content.tokenizer) {
    await writeFile(join(folder, path), bytes);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    tokenizer.push({ path, bytes: bytes.length, sha256 });
  }
  const { name, checkpoint, config } = content;
  const format = { format: packageFormat, version: packageVersion } as const;
  const manifest: PackageManifest = { ...format, name, checkpoint, config, embedding, layers, head, tokenizer };
  await writeFile(join(folder, manifestName), `${JSON.stringify(manifest, null, 1)}\n`);
  return manifest;
}
