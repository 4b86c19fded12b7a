import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CutpointError, type ErrorCode, isErrorCode, systemReason } from '@cutpoint/core';
import { z } from 'zod';
import { cacheFolder } from '../model/shape-cache.js';
import type { ProviderTrial } from './provider-choice.js';

const maxMessage = 2_000;

const provider = z.string().min(1).max(64);
const trial = z.discriminatedUnion('outcome', [
  z.object({
    provider,
    outcome: z.literal('right'),
    ms: z.number().nonnegative(),
    difference: z.number().nonnegative(),
  }),
  z.object({
    provider,
    outcome: z.literal('wrong'),
    difference: z.number().nonnegative().nullable(),
    most: z.number(),
  }),
  z.object({
    provider,
    outcome: z.literal('failed'),
    code: z.custom<ErrorCode>((value) => typeof value === 'string' && isErrorCode(value)),
    message: z.string().max(maxMessage),
  }),
]) satisfies z.ZodType<ProviderTrial>;
const schema = z.object({
  version: z.literal(1),
  what: z.string().max(10_000),
  provider,
  trials: z.array(trial).max(32),
  measuredAt: z.string().max(64),
});

/** What a measurement of providers came to. */
export interface RememberedChoice {
  /** What was measured, for people. */
  readonly what: string;
  readonly provider: string;
  readonly trials: readonly ProviderTrial[];
  /** ISO 8601. */
  readonly measuredAt: string;
}

const folder = () => join(cacheFolder(), 'providers');

/** @param subject plain data that says all that a measurement depends on. */
export function choiceKey(subject: unknown): string {
  return createHash('sha256').update(JSON.stringify(subject)).digest('hex');
}

/** What was chosen before, or undefined; an entry that cannot be read is measured again. */
export async function recallChoice(key: string): Promise<RememberedChoice | undefined> {
  return await readChoice(join(folder(), `${key}.json`));
}

async function readChoice(path: string): Promise<RememberedChoice | undefined> {
  try {
    const { version: _, ...choice } = schema.parse(JSON.parse(await readFile(path, 'utf8')));
    return choice;
  } catch {
    return undefined;
  }
}

/** Keeps a choice. A cache that cannot be written (read-only home) costs time at the next start, not the answer. */
export async function rememberChoice(key: string, choice: RememberedChoice): Promise<void> {
  const path = join(folder(), `${key}.json`);
  // Others may write the same one now, in containers with the same process ids, too.
  const partial = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    await mkdir(folder(), { recursive: true });
    await writeFile(
      partial,
      `${JSON.stringify({ version: 1, ...choice, trials: choice.trials.map(shortened) }, undefined, 1)}\n`,
    );
    await rename(partial, path);
  } catch {
    await rm(partial, { force: true }).catch(() => {}); // what could not be written need not be removable
  }
}

function shortened(one: ProviderTrial): ProviderTrial {
  return one.outcome === 'failed' ? { ...one, message: one.message.slice(0, maxMessage) } : one;
}

/** Makes the next one who asks measure again. Where the cache cannot be changed, gives a sentence that says so. */
export async function forgetChoice(key: string): Promise<string | undefined> {
  const path = join(folder(), `${key}.json`);
  try {
    await rm(path, { force: true });
    return undefined;
  } catch (thrown) {
    return `The choice stays remembered: ${path} cannot be removed (${systemReason(thrown)}).`;
  }
}

/** All that is remembered, the newest first. */
export async function rememberedChoices(): Promise<readonly RememberedChoice[]> {
  const names = (await readdir(folder()).catch(() => [])).filter((name) => name.endsWith('.json'));
  const read = await Promise.all(names.map((name) => readChoice(join(folder(), name))));
  return read.filter((choice) => choice !== undefined).sort((a, b) => b.measuredAt.localeCompare(a.measuredAt));
}

/** Forgets all choices. @throws CutpointError CUT_FILE_WRITE */
export async function forgetChoices(): Promise<void> {
  try {
    await rm(folder(), { recursive: true, force: true });
  } catch (cause) {
    const message = `${folder()} cannot be removed: ${systemReason(cause)}.`;
    throw new CutpointError('CUT_FILE_WRITE', message, { cause });
  }
}
