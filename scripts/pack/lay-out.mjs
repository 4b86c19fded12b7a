import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.mjs';
import { packagesOf, withDependencies } from './dependencies.mjs';
import { filesToKeep } from './keep.mjs';
import { licenceOf, licencesOf } from './licences.mjs';
import { Tree } from './tree.mjs';

const templates = fileURLToPath(new URL('.', import.meta.url));
const executable = 0o755;
/** Where a kind's systemd unit lies. */
const unitFolders = { agent: 'edge-agent/systemd', server: 'server/systemd' };

/**
 * Lays out what an archive holds in a new folder.
 * @param {object} what
 * @param {string} what.root the repository, built
 * @param {string} what.folder where to; what was there is deleted
 * @param {'agent' | 'server'} what.kind
 * @param {string} what.version of Cutpoint
 * @param {string} what.platform such as linux-arm64
 * @param {readonly string[]} what.verbs
 * @param {{ program: string, licence: string, version: string } | undefined} what.node a Node to carry along
 * @returns {Promise<{ bytes: number, parts: { name: string, bytes: number }[] }>} what all weighs, and its parts, the heaviest first
 */
export async function layOut({ root, folder, kind, version, platform, verbs, node }) {
  const tree = new Tree(folder);
  const { files, modules, whole } = await bundle(root, verbs);
  const carried = withDependencies(root, whole).map((one) => ({ ...one, files: filesToKeep(one, platform) }));
  for (const { name, content } of files) tree.write(`lib/${name}`, content);
  for (const { folder: from, files: kept } of carried) {
    for (const file of kept) tree.copy(path.join(from, file), `lib/${path.relative(root, from)}/${file}`);
  }
  tree.write('lib/package.json', `${JSON.stringify({ type: 'module' })}\n`);
  tree.copy(path.join(templates, 'cutpoint.sh'), 'bin/cutpoint', executable);
  tree.copy(path.join(templates, 'start.cjs'), 'lib/start.cjs');
  if (node !== undefined) {
    tree.copy(node.program, 'bin/node', executable);
    tree.copy(node.licence, 'LICENSE-of-node');
  }
  const unit = `cutpoint-${kind}.service`;
  tree.copy(path.join(root, unitFolders[kind], unit), `systemd/${unit}`);
  tree.copy(path.join(root, 'LICENSE'), 'LICENSE');
  const others = [...packagesOf(root, modules), ...carried];
  tree.write('LICENSES-of-dependencies.txt', licencesOf(others));
  tree.write(
    'manifest.json',
    `${JSON.stringify(manifestOf({ kind, version, platform, node, verbs, others }), null, 2)}\n`,
  );
  tree.writeSums('SHA256SUMS');
  return { bytes: tree.bytes, parts: weights(files, carried) };
}

function manifestOf({ kind, version, platform, node, verbs, others }) {
  const packages = others.map(({ manifest }) => ({
    name: manifest.name,
    version: manifest.version,
    licence: licenceOf(manifest),
  }));
  return { kind, version, platform, node: node?.version ?? '>=20', verbs, packages };
}

function weights(files, carried) {
  const parts = carried.map(({ folder, files: kept, manifest: { name, version } }) => ({
    name: `${name} ${version}`,
    bytes: kept.reduce((sum, file) => sum + readFileSync(path.join(folder, file)).length, 0),
  }));
  const joined = { name: 'all other code', bytes: files.reduce((sum, { content }) => sum + content.length, 0) };
  return [...parts, joined].sort((a, b) => b.bytes - a.bytes);
}
