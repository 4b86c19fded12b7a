import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type CancelSignal, CutpointError, systemReason, throwIfCancelled } from '@cutpoint/core';
import { checkManifest } from './manifest-schema.js';
import { filesOf } from './package-files.js';
import { longestManifestBytes, manifestName, type PackageFile, type PackageManifest } from './package-manifest.js';

/** A package on this machine. */
export interface Package {
  readonly folder: string;
  readonly manifest: PackageManifest;
}

/**
 * Reads a package's manifest, checks it, and that its files are there in their lengths. Their contents are read by
 * `verifyFiles` only, as that takes long.
 * @throws CutpointError CUT_PACKAGE, CUT_FILE_NOT_FOUND
 */
export async function readPackage(folder: string): Promise<Package> {
  const path = join(folder, manifestName);
  const { size } = await statOf(path, `${folder} is not a package, which \`cutpoint llm import\` makes`);
  if (size > longestManifestBytes) {
    throw new CutpointError('CUT_PACKAGE', `${path} has ${size} bytes, more than a manifest may have.`);
  }
  const manifest = checkManifest(parseJson(await readFile(path, 'utf8'), path), path);
  for (const file of filesOf(manifest)) {
    const found = await statOf(join(folder, file.path), `The package ${folder} is not complete`);
    if (found.size !== file.bytes) {
      const message = `${join(folder, file.path)} has ${found.size} bytes instead of ${file.bytes}: copy or import the package again.`;
      throw new CutpointError('CUT_PACKAGE', message);
    }
  }
  return { folder, manifest };
}

/**
 * Compares the contents of files with the hashes in the manifest. Takes about two seconds per GB.
 * @param files those to compare; all where they are not given.
 * @throws CutpointError CUT_PACKAGE at the first that differs, CUT_FILE_NOT_FOUND, CUT_CANCELLED.
 */
export async function verifyFiles(
  { folder, manifest }: Package,
  files: readonly PackageFile[] = filesOf(manifest),
  signal?: CancelSignal,
): Promise<void> {
  for (const { path, sha256 } of files) {
    const hash = createHash('sha256');
    try {
      for await (const bytes of createReadStream(join(folder, path), { highWaterMark: 1 << 20 })) {
        throwIfCancelled(signal);
        hash.update(bytes);
      }
    } catch (thrown) {
      if (thrown instanceof CutpointError) throw thrown;
      throw unreadable(join(folder, path), thrown);
    }
    if (hash.digest('hex') !== sha256) {
      const message = `${join(folder, path)} is not what the manifest says, by its hash: copy or import the package again.`;
      throw new CutpointError('CUT_PACKAGE', message);
    }
  }
}

async function statOf(path: string, context: string): Promise<{ size: number }> {
  try {
    return await stat(path);
  } catch (cause) {
    const message = `${context}: ${path} cannot be read: ${systemReason(cause)}.`;
    throw new CutpointError('CUT_FILE_NOT_FOUND', message, { cause });
  }
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const message = `${path} is not JSON: copy or import the package again.`;
    throw new CutpointError('CUT_PACKAGE', message, { cause });
  }
}

function unreadable(path: string, cause: unknown): CutpointError {
  return new CutpointError('CUT_FILE_NOT_FOUND', `${path} cannot be read: ${systemReason(cause)}.`, { cause });
}
