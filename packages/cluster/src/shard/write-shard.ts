import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DecoderConfig, PartContent, WriteOptions } from '@cutpoint/llm';
import { layOut, writeFolder, writePart } from '@cutpoint/llm/parts';
import { recordChecked } from './changed-files.js';
import type { Slice } from './division.js';
import type { ShardContent } from './shard-content.js';
import { type ShardManifest, shardFormat, shardManifestName, shardVersion } from './shard-manifest.js';

/** Whose shard it is. */
export type ShardOf = Pick<ShardManifest, 'name' | 'package'> & {
  readonly config: DecoderConfig;
  readonly slice: Slice;
};

/** Where a half layer lies in a shard's folder. @param half even: attention. */
export function halfPath(half: number): string {
  return `layers/${String(half >> 1).padStart(3, '0')}.${half % 2 === 0 ? 'attention' : 'ffn'}.bin`;
}

/** Bytes of a shard's weights, known before any is read. */
export function shardBytes({ halves, head }: ShardContent): number {
  const bytesOf = (part: PartContent<string>) =>
    layOut(Object.entries(part).flatMap(([name, content]) => (content ? [[name, content.form] as const] : []))).bytes;
  return [...halves, ...(head === null ? [] : [head])].reduce((sum, part) => sum + bytesOf(part), 0);
}

/**
 * Writes a shard. It appears under `folder` when it is complete.
 * @throws CutpointError CUT_DISK_FULL, CUT_FILE_WRITE (also if `folder` exists), CUT_CANCELLED, and what the weights throw.
 */
export async function writeShard(
  folder: string,
  { name, package: hash, config, slice }: ShardOf,
  content: ShardContent,
  options: WriteOptions = {},
): Promise<ShardManifest> {
  return await writeFolder(folder, shardBytes(content), async (growing) => {
    await mkdir(join(growing, 'layers'));
    const halves = [];
    for (const [i, half] of content.halves.entries()) {
      halves.push(await writePart(join(growing, halfPath(i)), halfPath(i), half, options));
    }
    const head = content.head && (await writePart(join(growing, 'head.bin'), 'head.bin', content.head, options));
    const format = { format: shardFormat, version: shardVersion } as const;
    const manifest: ShardManifest = { ...format, name, package: hash, config, slice, halves, head };
    await writeFile(join(growing, shardManifestName), `${JSON.stringify(manifest)}\n`);
    await recordChecked(growing, manifest);
    return manifest;
  });
}
