import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

/** The repository's folder. */
export const repository = fileURLToPath(new URL('../..', import.meta.url));

/** Packages that load files which lie beside their own, so that they are carried as they are. */
const carriedWhole = ['onnxruntime-node', 'node-sqlite3-wasm', 'fastify', '@fastify/rate-limit', '@fastify/swagger'];

/** Native parts of what does without, or is asked for it: of this machine's platform, not of the one packed for. */
const accelerators = ['msgpackr-extract', 'webgpu'];

/**
 * Joins what the chosen verbs import, ours and others', into few files: a file system and a processor as slow as a
 * Raspberry Pi's feel each of five hundred modules at every start, and unused parts of packages take memory.
 * @param {string} root the repository, built
 * @param {readonly string[]} verbs
 * @returns {Promise<{ files: { name: string, content: string | Uint8Array }[], modules: string[], whole: string[] }>} the files,
 * the modules that went into them, and the packages that have to lie beside them.
 */
export async function bundle(root, verbs) {
  const command = path.join(root, 'packages/cli');
  const build = await rolldown({
    cwd: root,
    platform: 'node',
    input: { cutpoint: path.join(command, 'bin/cutpoint.js') },
    external: [...accelerators, ...carriedWhole, ...carriedWhole.map((name) => new RegExp(`^${name}/`))],
    // A module of ours of which nothing is used need not run: what the server's side of a package imports stays out of an agent.
    treeshake: {
      moduleSideEffects: [
        { test: ours, sideEffects: false },
        { external: true, sideEffects: false },
      ],
    },
    plugins: [chosenVerbs(command, verbs), besideFiles(command, verbs)],
    onLog(level, log, handle) {
      if (level === 'warn' && log.code !== 'EVAL') throw new Error(`Packing met a warning: ${log.message}`);
      handle(level, log);
    },
  });
  const { output } = await build.generate({
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: '[name]-[hash].js',
    assetFileNames: '[name][extname]',
  });
  await build.close();
  const chunks = output.filter(({ type }) => type === 'chunk');
  const imported = chunks.flatMap(({ imports, dynamicImports }) => [...imports, ...dynamicImports]);
  return {
    files: output.map((file) => ({ name: file.fileName, content: file.type === 'chunk' ? file.code : file.source })),
    modules: chunks.flatMap(({ moduleIds }) => moduleIds).filter((id) => path.isAbsolute(id)),
    whole: carriedWhole.filter((name) => imported.includes(name)),
  };
}

/** Modules of ours: what others have installed lies in node_modules. */
const ours = /^(?!.*[\\/]node_modules[\\/])/;

/** Leaves out the verbs that were not chosen: the command knows from its manifest that they are not there. */
function chosenVerbs(command, verbs) {
  const folder = path.join(command, 'dist/verbs');
  const list = path.join(folder, 'index.js');
  const chosen = new Set(verbs.map((verb) => `./${verb}.js`));
  return {
    name: 'chosen-verbs',
    resolveId: (name, importer) => (importer === list && !chosen.has(name) ? { id: name, external: true } : null),
  };
}

const besidePattern = /new URL\('(\.[^']+)', import\.meta\.url\)/g;

/** Carries along what ours find beside themselves: workers as bundles of their own, manifests and folders as they are. */
function besideFiles(command, verbs) {
  return {
    name: 'beside-files',
    transform(code, id) {
      if (!code.includes('import.meta.url') || id.includes('node_modules')) return null;
      return code.replaceAll(besidePattern, (found, name) => {
        const file = path.resolve(path.dirname(id), name);
        if (name.endsWith('/')) {
          for (const asset of folderAssets(file)) this.emitFile(asset);
          return found;
        }
        const reference = this.emitFile(isManifest(file) ? manifestAsset(file, command, verbs) : workerChunk(file));
        return `new URL(import.meta.ROLLUP_FILE_URL_${reference})`;
      });
    },
  };
}

/** All bundles lie in one folder, so that a folder beside one is beside each. */
function folderAssets(folder) {
  return readdirSync(folder).map((name) => ({
    type: 'asset',
    fileName: `${path.basename(folder)}/${name}`,
    source: readFileSync(path.join(folder, name)),
  }));
}

const isManifest = (file) => path.basename(file) === 'package.json';

function workerChunk(file) {
  if (path.extname(file) === '.js') return { type: 'chunk', id: file, name: path.basename(file, '.js') };
  throw new Error(`Packing does not know how to carry ${file}, which is found by its place.`);
}

/** What is read of a manifest at run time; the command's says which verbs are there. */
function manifestAsset(file, command, verbs) {
  const { name, version } = JSON.parse(readFileSync(file, 'utf8'));
  const packed = path.dirname(file) === command ? { cutpoint: { verbs } } : {};
  const fileName = `${name.replace('/', '-')}.json`;
  return { type: 'asset', fileName, source: `${JSON.stringify({ name, version, ...packed })}\n` };
}
