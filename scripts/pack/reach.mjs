import { existsSync, readFileSync } from 'node:fs';
import { createRequire, isBuiltin } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

/**
 * Follows the imports of our own packages from the command's start, into the chosen verbs and no others.
 * @param {string} root the repository
 * @param {readonly string[]} verbs
 * @returns {{ files: string[], imports: Map<string, Set<string>> }} our own files that are reached, and for each package
 * of others the folders of our packages that import it.
 */
export function reach(root, verbs) {
  const command = path.join(root, 'packages/cli');
  const list = path.join(command, 'dist/verbs/index.js');
  const chosen = new Set(verbs.map((verb) => path.join(command, `dist/verbs/${verb}.js`)));
  for (const file of chosen) if (!existsSync(file)) throw new Error(`There is no verb in ${file}.`);
  const files = new Set();
  const imports = new Map();
  const waiting = [path.join(command, 'bin/cutpoint.js')];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (files.has(file)) continue;
    files.add(file);
    for (const name of importsOf(file)) {
      const target = resolve(name, file);
      const isLeftOut = file === list && target.file !== undefined && !chosen.has(target.file);
      if (isLeftOut) continue;
      if (target.file !== undefined) waiting.push(target.file);
      if (target.package !== undefined) remember(imports, target.package, packageFolder(root, file));
    }
  }
  return { files: [...files].sort(), imports };
}

/** What a file imports, now or later, and the scripts that it starts as workers. */
function importsOf(file) {
  const text = readFileSync(file, 'utf8');
  const imported = ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => fileName);
  const workers = [...text.matchAll(/new URL\('(\.[^']+\.js)', import\.meta\.url\)/g)].map(([, name]) => name);
  const required = [...text.matchAll(/createRequire\(import\.meta\.url\)\('([^']+)'\)/g)].map(([, name]) => name);
  return [...imported, ...workers, ...required];
}

/** A file of ours, or the name of somebody's package; neither for what Node has built in. */
function resolve(name, from) {
  if (isBuiltin(name)) return {};
  if (name.startsWith('.')) return { file: path.resolve(path.dirname(from), name) };
  if (name.startsWith('@cutpoint/')) return { file: createRequire(from).resolve(name) };
  const parts = name.split('/');
  return { package: parts.slice(0, name.startsWith('@') ? 2 : 1).join('/') };
}

function remember(imports, name, folder) {
  const folders = imports.get(name) ?? new Set();
  imports.set(name, folders.add(folder));
}

/** The folder of the package of ours that a file belongs to. */
export function packageFolder(root, file) {
  let folder = path.dirname(file);
  while (!existsSync(path.join(folder, 'package.json'))) {
    if (folder === root) throw new Error(`${file} belongs to no package.`);
    folder = path.dirname(folder);
  }
  return folder;
}

/** The repository's folder. */
export const repository = path.resolve(fileURLToPath(new URL('../..', import.meta.url)));
