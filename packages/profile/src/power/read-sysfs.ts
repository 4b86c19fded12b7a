import { readdir, readFile } from 'node:fs/promises';

/** The text of a file without the space around it; undefined where there is none, or it may not be read. */
export async function readText(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch {
    return undefined; // Most devices have most of these files not: that is what is asked.
  }
}

/** The whole number in a file; undefined where there is none. */
export async function readWhole(path: string): Promise<number | undefined> {
  const text = await readText(path);
  return text !== undefined && /^-?\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** The names in a folder, sorted; none where there is no such folder. */
export async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch {
    return []; // As above.
  }
}
