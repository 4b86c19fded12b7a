import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { messageOf } from '@cutpoint/core';
import { type ModelProfile, parseModelProfile } from '@cutpoint/plan';
import { cacheFolder } from '@cutpoint/runtime';

/** Everything that a profile depends on; any plain data. */
export type ProfileKey = Readonly<Record<string, unknown>> & { readonly modelHash: string };

export interface ProfileCache {
  /** Undefined: of this user. */
  readonly folder: string | undefined;
  /** Hears why the cache could not be used. */
  readonly onNote: ((note: string) => void) | undefined;
}

/** Part of the key: profiles that were measured in another way are not the same. */
const method = 2;
const maxBytes = 64 * 1024 ** 2;
/** Those that were not used for longest go first. */
const mostProfiles = 256;

/** The profile that was measured under these circumstances before; undefined if there is none that can be trusted. */
export async function readCachedProfile(key: ProfileKey, cache: ProfileCache): Promise<ModelProfile | undefined> {
  const path = pathOf(key, cache);
  try {
    if ((await stat(path)).size > maxBytes) throw new Error('it is too large');
    const profile = parseModelProfile(JSON.parse(await readFile(path, 'utf8')));
    if (profile.model.hash !== key.modelHash) throw new Error('it is of another model');
    const now = new Date();
    await utimes(path, now, now).catch(() => {}); // a hint: what can be read may lie where nothing can be written
    return profile;
  } catch (thrown) {
    if (!isMissing(thrown)) cache.onNote?.(`The cached profile ${path} is not used: ${messageOf(thrown)}.`);
    return undefined;
  }
}

/** Keeps a profile for the next time. A cache that cannot be written costs time, not the profile. */
export async function writeCachedProfile(key: ProfileKey, profile: ModelProfile, cache: ProfileCache): Promise<void> {
  const path = pathOf(key, cache);
  const temporary = `${path}.${process.pid}`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(temporary, JSON.stringify(profile));
    await rename(temporary, path);
    await removeOldest(dirname(path));
  } catch (thrown) {
    cache.onNote?.(`The profile could not be kept for the next time: ${messageOf(thrown)}.`);
    await rm(temporary, { force: true }).catch(() => {}); // what could not be written need not be removable
  }
}

async function removeOldest(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.json'));
  if (names.length <= mostProfiles) return;
  const ages = await Promise.all(
    names.map(async (name) => ({ name, mtimeMs: (await stat(join(folder, name))).mtimeMs })),
  );
  ages.sort((a, b) => b.mtimeMs - a.mtimeMs);
  await Promise.all(ages.slice(mostProfiles).map(({ name }) => rm(join(folder, name), { force: true })));
}

function pathOf(key: ProfileKey, { folder }: ProfileCache): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([method, key]))
    .digest('hex');
  return join(folder ?? join(cacheFolder(), 'profiles'), `${digest}.json`);
}

function isMissing(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT';
}
