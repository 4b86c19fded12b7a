import { createHash, randomUUID } from 'node:crypto';
import { lstat, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { asCutpointError, CutpointError, systemReason } from '@cutpoint/core';
import type { DecoderConfig } from '../architecture/decoder-config.js';
import { requireDiskSpace } from './disk-space.js';
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
 * Writes a package. It appears under `folder` when it is complete; until then it grows in a folder beside it, which is
 * removed if anything fails.
 * @throws CutpointError CUT_DISK_FULL, CUT_FILE_WRITE (also if `folder` exists), CUT_CANCELLED, and what the weights throw.
 */
export async function writePackage(
  folder: string,
  content: PackageContent,
  options: WriteOptions = {},
): Promise<PackageManifest> {
  await requirePlace(folder, content);
  const growing = `${resolve(folder)}.${randomUUID().slice(0, 8)}.partial`;
  try {
    await mkdir(join(growing, 'layers'), { recursive: true });
    const manifest = await writeFiles(growing, content, options);
    await rename(growing, folder);
    return manifest;
  } catch (thrown) {
    await rm(growing, { recursive: true, force: true });
    throw asWriteError(thrown, folder);
  }
}

/** Asks before long work whether a package can be written. @throws CutpointError CUT_DISK_FULL, CUT_FILE_WRITE */
export async function requirePlace(folder: string, content: PackageContent): Promise<void> {
  await requireFree(folder);
  await requireDiskSpace(folder, packageBytes(content));
}

/** @throws CutpointError CUT_FILE_WRITE if there is something of this name. */
async function requireFree(folder: string): Promise<void> {
  const there = await lstat(folder).catch(() => undefined);
  if (there === undefined) return;
  throw new CutpointError('CUT_FILE_WRITE', `${folder} exists already: remove it, or name another folder.`);
}

async function writeFiles(folder: string, content: PackageContent, options: WriteOptions): Promise<PackageManifest> {
  const part = <Name extends string>(name: string, weights: PartContent<Name>) =>
    writePart(join(folder, name), name, weights, options);
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

function asWriteError(thrown: unknown, folder: string): CutpointError {
  if (thrown instanceof CutpointError) return thrown as CutpointError;
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    const message = `The disk became full while ${folder} was written; what was there of it was removed.`;
    return new CutpointError('CUT_DISK_FULL', message, { cause: thrown });
  }
  if (typeof code !== 'string') return asCutpointError(thrown, 'CUT_INTERNAL');
  const message = `${folder} cannot be written: ${systemReason(thrown)}.`;
  return new CutpointError('CUT_FILE_WRITE', message, { cause: thrown });
}
