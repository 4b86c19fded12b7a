import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** Dependencies that only an install script uses, which never runs; and types, which nothing runs. */
const unused = { 'onnxruntime-node': ['adm-zip', 'global-agent'] };
const isTypes = (name) => name.startsWith('@types/') || name === 'undici-types';

/**
 * The packages of others that are needed at run time. Optional dependencies are left out: those here are native
 * accelerators of another platform than the one packed for.
 * @param {Map<string, Set<string>>} imports what `reach` found
 * @returns {{ name: string, folder: string, manifest: Record<string, any> }[]} sorted by folder
 */
export function dependencies(imports) {
  const found = new Map();
  const add = (name, from) => {
    if (isTypes(name)) return;
    const folder = folderOf(name, from);
    if (found.has(folder)) return;
    const manifest = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
    found.set(folder, { name, folder, manifest });
    const optional = Object.keys(manifest.optionalDependencies ?? {});
    for (const needed of Object.keys(manifest.dependencies ?? {})) {
      if (!optional.includes(needed) && !unused[name]?.includes(needed)) add(needed, folder);
    }
  };
  for (const [name, folders] of imports) for (const folder of folders) add(name, folder);
  return [...found.values()].sort((a, b) => (a.folder < b.folder ? -1 : 1));
}

/** Where Node would find a package. */
function folderOf(name, from) {
  for (let folder = from; ; folder = path.dirname(folder)) {
    const candidate = path.join(folder, 'node_modules', name);
    if (existsSync(path.join(candidate, 'package.json'))) return candidate;
    if (folder === path.dirname(folder)) throw new Error(`The package ${name}, which ${from} needs, is not installed.`);
  }
}
