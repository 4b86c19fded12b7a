import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { isDType } from '@cutpoint/core';
import type { ShapeTable, ValueType } from '@cutpoint/graph';
import { z } from 'zod';
import type { ConcreteInput } from './input-types.js';

const dim = z.number().int().nonnegative();
const entry = z.union([
  z.object({
    kind: z.literal('tensor'),
    dtype: z.custom<Extract<ValueType, { kind: 'tensor' }>['dtype']>(isDType),
    shape: z.array(dim),
    declared: z.array(z.union([dim, z.string(), z.null()])),
  }),
  z.object({ kind: z.literal('other'), what: z.string() }),
]);
const cacheFile = z.object({ version: z.literal(1), values: z.array(z.tuple([z.string(), entry])) });

/** Folder for what can be computed again: `CUTPOINT_CACHE_DIR`, else the user's cache folder (XDG base directories). */
export function cacheFolder(): string {
  const { CUTPOINT_CACHE_DIR, XDG_CACHE_HOME } = process.env;
  return CUTPOINT_CACHE_DIR || join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'cutpoint');
}

/** Identifies a measurement: the model and the sizes of its inputs. */
export function shapeCacheKey(modelHash: string, inputs: readonly ConcreteInput[]): string {
  const sizes = inputs.map(({ name, shape }) => [name, shape]);
  return createHash('sha256')
    .update(JSON.stringify([modelHash, sizes]))
    .digest('hex');
}

function cachePath(key: string): string {
  return join(cacheFolder(), 'shapes', `${key}.json`);
}

/** The cached table, or undefined if there is none that can be used; an unreadable entry is measured again. */
export async function readCachedShapes(key: string): Promise<ShapeTable | undefined> {
  let text: string;
  try {
    text = await readFile(cachePath(key), 'utf8');
  } catch {
    return undefined;
  }
  const parsed = cacheFile.safeParse(parseJson(text));
  return parsed.success ? new Map(parsed.data.values) : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Writes a table for the next time. A cache that cannot be written (read-only home) costs time, not the answer. */
export async function writeCachedShapes(key: string, shapes: ShapeTable): Promise<void> {
  const path = cachePath(key);
  const temporary = `${path}.${process.pid}`;
  try {
    await mkdir(join(cacheFolder(), 'shapes'), { recursive: true });
    await writeFile(temporary, JSON.stringify({ version: 1, values: [...shapes] }));
    await rename(temporary, path);
  } catch {
    await rm(temporary, { force: true }).catch(() => {}); // what could not be written need not be removable
  }
}
