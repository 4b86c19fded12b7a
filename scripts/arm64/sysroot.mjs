import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const packages = ['libc6', 'libgcc-s1', 'libstdc++6'];

/**
 * What a Raspberry Pi 4 says of its first core, for onnxruntime: it asks the system for cores and caches, and where it finds
 * those of an x64 host instead, it crashes. The emulator looks for every file below its root first.
 */
const coreFiles = {
  'proc/cpuinfo': [
    'processor\t: 0',
    'BogoMIPS\t: 108.00',
    'Features\t: fp asimd evtstrm crc32 cpuid',
    'CPU implementer\t: 0x41',
    'CPU architecture: 8',
    'CPU variant\t: 0x0',
    'CPU part\t: 0xd08',
    'CPU revision\t: 3',
    '',
  ].join('\n'),
  'sys/devices/system/cpu/kernel_max': '255',
  'sys/devices/system/cpu/possible': '0',
  'sys/devices/system/cpu/present': '0',
  'sys/devices/system/cpu/cpu0/topology/physical_package_id': '0',
  'sys/devices/system/cpu/cpu0/topology/cluster_cpus_list': '0',
};

/**
 * A folder with the libraries that an arm64 program needs, unpacked from Debian's packages. apt works in a folder of its
 * own with a list of installed packages of its own: the host gains no architecture and no package.
 * @param {string} folder where to keep it
 * @returns {string} the root for `qemu-aarch64-static -L`
 * @throws Error where there is no apt, or Debian's servers cannot be reached
 */
export function sysroot(folder) {
  const root = path.join(folder, 'root');
  if (existsSync(root)) return root;
  const work = path.join(folder, 'work');
  rmSync(work, { recursive: true, force: true });
  const debs = downloadPackages(work);
  const unpacked = path.join(work, 'root');
  for (const deb of debs) run('dpkg', ['--extract', deb, unpacked], work);
  for (const [file, content] of Object.entries(coreFiles)) {
    mkdirSync(path.join(unpacked, path.dirname(file)), { recursive: true });
    writeFileSync(path.join(unpacked, file), `${content}\n`);
  }
  renameSync(unpacked, root);
  rmSync(work, { recursive: true, force: true });
  return root;
}

function downloadPackages(work) {
  for (const part of ['state/lists/partial', 'cache/archives/partial', 'debs']) {
    mkdirSync(path.join(work, part), { recursive: true });
  }
  const status = path.join(work, 'status');
  writeFileSync(status, '');
  const settings = {
    'Dir::State': path.join(work, 'state'),
    'Dir::State::status': status,
    'Dir::Cache': path.join(work, 'cache'),
    'APT::Architecture': 'arm64',
    'APT::Architectures': 'arm64',
    'APT::Sandbox::User': '""',
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  const debs = path.join(work, 'debs');
  run('apt-get', [...options, '--quiet', 'update'], debs);
  run('apt-get', [...options, '--quiet', 'download', ...packages], debs);
  return readdirSync(debs).map((name) => path.join(debs, name));
}

function run(command, args, cwd) {
  const { status, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8', timeout: 300_000 });
  if (error !== undefined || status !== 0) {
    throw new Error(`${command} ${args.at(-1)} failed: ${(error?.message ?? stderr).trim()}`);
  }
}
