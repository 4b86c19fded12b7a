import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { CutpointError, messageOf, systemReason } from '@cutpoint/core';
import { bitWidths, type GpuInfo, knownDivisions, type TunedProduct } from '@cutpoint/gpu';
import { cacheFolder } from '@cutpoint/runtime';
import { z } from 'zod';

const count = z
  .int()
  .min(1)
  .max(2 ** 31);
const width = z.union(bitWidths.map((bits) => z.literal(bits)));
/** Kernels are made of a division: one of another program, or none at all, would compute something else. */
const division = z.unknown().transform((value, context) => {
  const known = knownDivisions.find((one) => isDeepStrictEqual(one, value));
  if (known === undefined) context.addIssue({ code: 'custom', message: 'a division of work that is not known' });
  return known ?? z.NEVER;
});
const tuned = z.object({
  rows: count,
  outputs: count,
  columns: count,
  groupSize: count,
  weightBits: width,
  activationBits: width,
  scheme: z.enum(['planes', 'bytes', 'nibbles']),
  division,
  us: z.number().nonnegative(),
});
const schema = z.object({ version: z.literal(1), adapter: z.string(), products: z.array(tuned).max(10_000) });

/** Where what was found on a GPU is kept: a file for each adapter. */
export function tuningPath({ description }: GpuInfo): string {
  const digest = createHash('sha256').update(description).digest('hex').slice(0, 16);
  return join(cacheFolder(), 'gpu', `${digest}.json`);
}

/** What was found on this GPU; nothing where nobody has tuned. @throws CutpointError CUT_FILE_NOT_FOUND for a damaged file. */
export async function readTuning(info: GpuInfo): Promise<readonly TunedProduct[]> {
  const path = tuningPath(info);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw unreadable(path, systemReason(thrown), thrown);
  }
  try {
    const { adapter, products } = schema.parse(JSON.parse(text));
    return adapter === info.description ? products : [];
  } catch (thrown) {
    throw unreadable(path, messageOf(thrown), thrown);
  }
}

/** Adds to what was found; of the same product and scheme the new counts. @throws CutpointError CUT_FILE_WRITE */
export async function keepTuning(info: GpuInfo, found: readonly TunedProduct[]): Promise<string> {
  const path = tuningPath(info);
  const known = new Map([...(await readTuning(info)), ...found].map((one) => [keyOf(one), one]));
  const file = { version: 1, adapter: info.description, products: [...known.values()] };
  try {
    await mkdir(dirname(path), { recursive: true });
    const partial = `${path}.${process.pid}`;
    await writeFile(partial, `${JSON.stringify(file, undefined, 1)}\n`);
    await rename(partial, path);
    return path;
  } catch (cause) {
    throw new CutpointError('CUT_FILE_WRITE', `${path} cannot be written: ${systemReason(cause)}.`, { cause });
  }
}

function keyOf({ rows, outputs, columns, groupSize, weightBits, activationBits, scheme }: TunedProduct): string {
  return [rows, outputs, columns, groupSize, weightBits, activationBits, scheme].join(' ');
}

function unreadable(path: string, why: string, cause: unknown): CutpointError {
  const message = `${path}, which holds what \`cutpoint gpu tune\` found, cannot be read (${why}): delete it and tune again.`;
  return new CutpointError('CUT_FILE_NOT_FOUND', message, { cause });
}
