import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '@cutpoint/core';
import { type ModelProfile, parseModelProfile } from '@cutpoint/plan';
import { cacheFolder } from '@cutpoint/runtime';

/** Everything that a profile depends on; any plain data. */
export type ProfileKey = Readonly<Record<string, unknown>> & { readonly modelHash: string };

/** Hears why the cache could not be used. */
export type OnNote = ((note: string) => void) | undefined;

/** Part of the key: profiles that were measured in another way are not the same. */
const method = 1;
const maxBytes = 64 * 1024 ** 2;

/** The profile that was measured under these circumstances before; undefined if there is none that can be trusted. */
export async function readCachedProfile(key: ProfileKey, onNote: OnNote): Promise<ModelProfile | undefined> {
  const path = pathOf(key);
  try {
    if ((await stat(path)).size > maxBytes) throw new Error('it is too large');
    const profile = parseModelProfile(JSON.parse(await readFile(path, 'utf8')));
    if (profile.model.hash !== key.modelHash) throw new Error('it is of another model');
    return profile;
  } catch (thrown) {
    if (!isMissing(thrown)) onNote?.(`The cached profile ${path} is not used: ${messageOf(thrown)}.`);
    return undefined;
  }
}

/** Keeps a profile for the next time. A cache that cannot be written costs time, not the profile. */
export async function writeCachedProfile(key: ProfileKey, profile: ModelProfile, onNote: OnNote): Promise<void> {
  const path = pathOf(key);
  const temporary = `${path}.${process.pid}`;
  try {
    await mkdir(join(cacheFolder(), 'profiles'), { recursive: true });
    await writeFile(temporary, JSON.stringify(profile));
    await rename(temporary, path);
  } catch (thrown) {
    onNote?.(`The profile could not be kept for the next time: ${messageOf(thrown)}.`);
    await rm(temporary, { force: true }).catch(() => {}); // what could not be written need not be removable
  }
}

function pathOf(key: ProfileKey): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([method, key]))
    .digest('hex');
  return join(cacheFolder(), 'profiles', `${digest}.json`);
}

function isMissing(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT';
}
