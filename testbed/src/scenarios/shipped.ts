import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CutpointError } from '@cutpoint/core';

/** `src/scenarios` and `dist/scenarios` lie equally deep, so this holds from both. */
const folder = fileURLToPath(new URL('../../scenarios/', import.meta.url));

/** The names of the scenarios that come with the testbed, sorted. */
export async function shippedNames(): Promise<readonly string[]> {
  const files = await readdir(folder);
  return files.flatMap((file) => (file.endsWith('.yaml') ? [file.slice(0, -'.yaml'.length)] : [])).sort();
}

/**
 * The file of a shipped scenario; undefined for what looks like a path.
 * @throws CutpointError CUT_SCENARIO with the nearest names for a name that no scenario has.
 */
export async function shippedPath(name: string): Promise<string | undefined> {
  if (/[/\\]|\.ya?ml$/.test(name)) return undefined;
  const names = await shippedNames();
  if (names.includes(name)) return join(folder, `${name}.yaml`);
  const shown = JSON.stringify(name.slice(0, 100));
  throw new CutpointError(
    'CUT_SCENARIO',
    `There is no shipped scenario ${shown}; the nearest names are ${byLikeness(name, names).join(', ')}. For a file of your own, give its path, ending in .yaml.`,
  );
}

/** The three names that share most with it: of their pairs of letters, the share that both have (Dice). */
function byLikeness(name: string, names: readonly string[]): readonly string[] {
  const own = pairs(name);
  const likeness = (other: ReadonlySet<string>) =>
    [...other].filter((pair) => own.has(pair)).length / (own.size + other.size || 1);
  return [...names].sort((a, b) => likeness(pairs(b)) - likeness(pairs(a))).slice(0, 3);
}

function pairs(word: string): ReadonlySet<string> {
  const letters = word.toLowerCase().slice(0, 100);
  return new Set(Array.from({ length: Math.max(0, letters.length - 1) }, (_, i) => letters.slice(i, i + 2)));
}
