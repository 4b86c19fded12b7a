import { closeSync, openSync, readdirSync, readSync } from 'node:fs';
import path from 'node:path';

/** Folders of packages that nothing loads at run time. */
const idleFolders = new Set([
  'node_modules', // each package in it is looked at by itself
  '.github',
  '.nyc_output',
  '__tests__',
  'bench',
  'benchmark',
  'benchmarks',
  'coverage',
  'docs',
  'example',
  'examples',
  'test',
  'tests',
]);
const idleFiles =
  /\.(map|md|markdown|[cm]?ts|tsx|flow|tsbuildinfo|gyp|cc|c|h|cpp)$|^(\..*|CHANGELOG.*|tsconfig.*\.json|yarn\.lock)$/i;
const isLicence = /^(licen[cs]e|notice|copying|third.?party)/i;

/** What single packages carry besides. Each is a folder or a file that no import of the packed files leads to. */
const idlePaths = {
  'onnxruntime-node': ['script', 'lib'],
  'onnxruntime-common': ['lib', 'dist/esm'],
};

/**
 * The files of an installed package that an archive for one platform carries, relative and sorted.
 * @param {{ folder: string, manifest: { name: string } }} package
 * @param {string} platform such as linux-arm64
 */
export function filesToKeep({ folder, manifest: { name } }, platform) {
  const kept = [];
  const visit = (relative) => {
    for (const entry of readdirSync(path.join(folder, relative), { withFileTypes: true })) {
      const file = path.posix.join(relative, entry.name);
      if (idlePaths[name]?.includes(file)) continue;
      if (entry.isDirectory()) {
        if (!idleFolders.has(entry.name)) visit(file);
      } else if (entry.isFile() && isWanted(entry.name) && runsOn(path.join(folder, file), platform)) kept.push(file);
    }
  };
  visit('');
  return kept.sort();
}

/** Whether a file of a package is a text of its licence. */
export const isLicenceFile = (name) => isLicence.test(name) && !/\.[cm]?js$/.test(name);

const isWanted = (name) => isLicenceFile(name) || !idleFiles.test(name);

/** e_machine of ELF, by platform (System V ABI). */
const elfMachines = { 'linux-x64': 62, 'linux-arm64': 183 };

/** False for a native library of another platform. */
function runsOn(file, platform) {
  const kind = nativeKind(file);
  return kind === 'none' || kind === platform;
}

/** What a file's first bytes say: the platform of a native library or program, 'other' for one of no platform here, or 'none'. */
export function nativeKind(file) {
  const head = Buffer.alloc(20);
  const descriptor = openSync(file, 'r');
  try {
    readSync(descriptor, head, 0, head.length, 0);
  } finally {
    closeSync(descriptor);
  }
  if (head.readUInt32BE(0) === 0x7f454c46) {
    const machine = head.readUInt16LE(18);
    return Object.keys(elfMachines).find((platform) => elfMachines[platform] === machine) ?? 'other';
  }
  const isPortableExecutable = head.toString('latin1', 0, 2) === 'MZ';
  const isMachO =
    [0xfeedface, 0xfeedfacf, 0xcafebabe].includes(head.readUInt32BE(0)) || head.readUInt32LE(0) === 0xfeedfacf;
  return isPortableExecutable || isMachO ? 'other' : 'none';
}
