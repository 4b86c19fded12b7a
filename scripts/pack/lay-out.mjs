import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { dependencies } from './dependencies.mjs';
import { filesToKeep } from './keep.mjs';
import { licenceOf, licencesOf } from './licences.mjs';
import { packageFolder, reach } from './reach.mjs';

const templates = import.meta.dirname;
const plain = 0o644;
const executable = 0o755;

/**
 * Lays out what an archive holds in a new folder.
 * @param {object} what
 * @param {string} what.root the repository, built
 * @param {string} what.folder where to; what was there is deleted
 * @param {'agent' | 'server'} what.kind
 * @param {string} what.platform such as linux-arm64
 * @param {readonly string[]} what.verbs
 * @param {{ program: string, licence: string, version: string } | undefined} what.node a Node to carry along
 * @returns {{ name: string, version: string, bytes: number }[]} what each package weighs, the heaviest first
 */
export function layOut({ root, folder, kind, platform, verbs, node }) {
  rmSync(folder, { recursive: true, force: true });
  const tree = new Tree(folder);
  const { files, imports } = reach(root, verbs);
  const own = ownPackages(root, files, verbs);
  const others = dependencies(imports).map((found) => ({ ...found, files: filesToKeep(found, platform) }));
  for (const { name, folder: from, manifest, files: kept } of own) {
    tree.write(`lib/node_modules/${name}/package.json`, `${JSON.stringify(manifest, null, 2)}\n`);
    for (const file of kept) tree.copy(path.join(from, file), `lib/node_modules/${name}/${file}`);
  }
  for (const { folder: from, files: kept } of others) {
    for (const file of kept) tree.copy(path.join(from, file), `lib/${placeOf(root, own, from)}/${file}`);
  }
  tree.copy(path.join(templates, 'cutpoint.sh'), 'bin/cutpoint', executable);
  tree.copy(path.join(templates, 'start.cjs'), 'lib/start.cjs');
  if (node !== undefined) {
    tree.copy(node.program, 'bin/node', executable);
    tree.copy(node.licence, 'LICENSE-node');
  }
  const unit = `cutpoint-${kind}.service`;
  tree.copy(path.join(root, kind === 'agent' ? 'edge-agent' : 'server', 'systemd', unit), `systemd/${unit}`);
  tree.copy(path.join(root, 'LICENSE'), 'LICENSE');
  tree.write('LICENSES-of-dependencies.txt', licencesOf(others));
  const packages = [...own, ...others].map(({ manifest }) => ({
    name: manifest.name,
    version: manifest.version,
    licence: licenceOf(manifest),
  }));
  const about = { kind, version: own[0]?.manifest.version, platform, node: node?.version ?? '>=20', verbs, packages };
  tree.write('manifest.json', `${JSON.stringify(about, null, 2)}\n`);
  tree.writeSums('SHA256SUMS');
  return weights([...own, ...others]);
}

/** Our packages with the files of them that are reached, the command first; of a manifest only what running needs. */
function ownPackages(root, files, verbs) {
  const folders = byPackage(root, files);
  const packages = [...folders].map(([folder, own]) => {
    const { name, version, license, type, exports, bin } = JSON.parse(
      readFileSync(path.join(folder, 'package.json'), 'utf8'),
    );
    const packed = bin === undefined ? {} : { bin, cutpoint: { verbs } };
    const manifest = { name, version, license, type, exports, ...packed };
    return { name, folder, manifest, files: own.map((file) => path.relative(folder, file)) };
  });
  return packages.sort((a, b) => Number(b.name === 'cutpoint') - Number(a.name === 'cutpoint'));
}

function byPackage(root, files) {
  const groups = new Map();
  for (const file of files) {
    const folder = packageFolder(root, file);
    groups.set(folder, [...(groups.get(folder) ?? []), file]);
  }
  return groups;
}

/** Where a package of others lies under lib/: beside or below the package of ours that it was installed for. */
function placeOf(root, own, folder) {
  const owner = own.find((one) => folder.startsWith(`${one.folder}${path.sep}`));
  if (owner === undefined) return path.relative(root, folder);
  return path.join('node_modules', owner.name, path.relative(owner.folder, folder));
}

function weights(packages) {
  return packages
    .map(({ folder, files, manifest: { name, version } }) => {
      const bytes = files.reduce((sum, file) => sum + readFileSync(path.join(folder, file)).length, 0);
      return { name, version, bytes };
    })
    .sort((a, b) => b.bytes - a.bytes);
}

/** A folder that is being filled, with the sums of what is in it. */
class Tree {
  #folder;
  /** @type {Map<string, string>} */
  #sums = new Map();

  constructor(folder) {
    this.#folder = folder;
  }

  write(file, content, mode = plain) {
    const target = this.#place(file, content);
    writeFileSync(target, content);
    chmodSync(target, mode);
  }

  copy(from, file, mode = plain) {
    const target = this.#place(file, readFileSync(from));
    copyFileSync(from, target);
    chmodSync(target, mode);
  }

  /** The list that `sha256sum --check` reads. */
  writeSums(file) {
    const lines = [...this.#sums].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, sum]) => `${sum}  ${name}\n`);
    this.write(file, lines.join(''));
  }

  #place(file, content) {
    const target = path.join(this.#folder, file);
    mkdirSync(path.dirname(target), { recursive: true, mode: 0o755 });
    this.#sums.set(file, createHash('sha256').update(content).digest('hex'));
    return target;
  }
}
