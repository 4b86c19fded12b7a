import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { constants, gzipSync } from 'node:zlib';

const mostBytes = 1 << 30;
/** Byte 9 of a gzip file names the system that made it (RFC 1952); 255 is "unknown". */
const systemByte = 9;

/**
 * Packs a folder into a .tar.gz whose bytes depend on the names, modes and contents of its files alone.
 * Needs GNU tar, as every Linux has it.
 * @param {string} folder is the one folder at the top of the archive
 * @param {string} archive the file to write
 */
export function writeTarball(folder, archive) {
  const args = [
    '--sort=name',
    '--mtime=@0',
    '--owner=0',
    '--group=0',
    '--numeric-owner',
    '--format=gnu',
    '-C',
    path.dirname(folder),
    '-cf',
    '-',
    path.basename(folder),
  ];
  const { status, stdout, stderr, error } = spawnSync('tar', args, { maxBuffer: mostBytes });
  if (error !== undefined || status !== 0) throw new Error(`GNU tar failed: ${error?.message ?? stderr}`);
  const bytes = gzipSync(stdout, { level: constants.Z_BEST_COMPRESSION });
  bytes[systemByte] = 255;
  writeFileSync(archive, bytes);
  return bytes;
}
