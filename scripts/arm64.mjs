// Gets ready what runs programs for arm64 on this machine, and prints it as JSON; ends with status 1 and a sentence if
// that is not possible here.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { sysroot } from './arm64/sysroot.mjs';
import { downloads, nodeBinary } from './pack/node-binary.mjs';

const emulator = 'qemu-aarch64-static';

try {
  if (process.platform !== 'linux') throw new Error('Programs for Linux on arm64 are emulated on Linux alone.');
  if (spawnSync(emulator, ['--version']).status !== 0) {
    throw new Error(`There is no ${emulator}; Debian's package qemu-user-static has it.`);
  }
  const root = sysroot(path.join(downloads, 'arm64'));
  const { program } = nodeBinary('linux-arm64');
  process.stdout.write(`${JSON.stringify({ emulator, root, node: program })}\n`);
} catch (thrown) {
  process.stderr.write(`${thrown.message}\n`);
  process.exitCode = 1;
}
