import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** Dependencies that only an install script uses, which never runs. */
const unused = { 'onnxruntime-node': ['adm-zip', 'global-agent'] };
const isTypes = (name) => name.startsWith('@types/') || name === 'undici-types';

/**
 * The packages that modules belong to.
 * @param {string} root the repository
 * @param {readonly string[]} modules absolute paths
 * @returns {{ folder: string, manifest: Record<string, any> }[]} those of others, sorted by name
 */
export function packagesOf(root, modules) {
  const folders = new Set(modules.map((file) => packageFolder(root, file)));
  const packages = [...folders].filter((folder) => folder.includes('node_modules')).map(describe);
  return packages.sort((a, b) => (a.manifest.name < b.manifest.name ? -1 : 1));
}

/**
 * Packages with everything that they need at run time, as installed. Optional dependencies are left out: they are native
 * accelerators of the platform that packs, not of the one packed for.
 * @param {string} root the repository
 * @param {readonly string[]} names
 * @returns {{ folder: string, manifest: Record<string, any> }[]} sorted by folder
 */
export function withDependencies(root, names) {
  const found = new Map();
  const add = (name, from) => {
    const folder = folderOf(name, from);
    if (isTypes(name) || found.has(folder)) return;
    const one = describe(folder);
    found.set(folder, one);
    const { dependencies = {}, optionalDependencies = {} } = one.manifest;
    for (const needed of Object.keys(dependencies)) {
      if (!(needed in optionalDependencies) && !unused[name]?.includes(needed)) add(needed, folder);
    }
  };
  for (const name of names) add(name, root);
  return [...found.values()].sort((a, b) => (a.folder < b.folder ? -1 : 1));
}

function describe(folder) {
  return { folder, manifest: JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) };
}

/** Where Node would find a package. */
function folderOf(name, from) {
  for (let folder = from; ; folder = path.dirname(folder)) {
    const candidate = path.join(folder, 'node_modules', name);
    if (existsSync(path.join(candidate, 'package.json'))) return candidate;
    if (folder === path.dirname(folder)) throw new Error(`The package ${name}, which ${from} needs, is not installed.`);
  }
}

/** The folder with a manifest that has a name: some packages have nameless ones further down. */
function packageFolder(root, file) {
  for (let folder = path.dirname(file); folder !== root; folder = path.dirname(folder)) {
    const manifest = path.join(folder, 'package.json');
    if (existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).version !== undefined) return folder;
  }
  throw new Error(`${file} belongs to no package.`);
}
