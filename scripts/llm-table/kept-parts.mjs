import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Parts of a long measurement, kept in a file as each is done: begun anew, it goes on where it was cut off.
 * @param of what is measured and how: parts of another measurement are not taken.
 */
export async function openParts(path, of) {
  const kept = await readFile(path, 'utf8').then(JSON.parse, () => ({}));
  const parts = JSON.stringify(kept.of) === JSON.stringify(of) ? kept.parts : {};
  return async (name, measure) => {
    if (parts[name] === undefined) {
      parts[name] = await measure();
      await mkdir(dirname(path), { recursive: true });
      await writeFile(`${path}.new`, JSON.stringify({ of, parts }));
      await rename(`${path}.new`, path);
    }
    return parts[name];
  };
}
