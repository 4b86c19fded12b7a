import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';

/** The Node that is fetched where one is needed: the programs of nodejs.org as the npm package `node` installs them. */
export const nodeVersion = '20.20.2';
const integrities = {
  'linux-x64': 'sha512-PeHQM8wAdmHtZA1mBocygZxs5LiUWtsJezQTkBd0iY987KpGrD1O2tVEydvMZiuXceRanxt7rjTnDEBwOPujoQ==',
  'linux-arm64': 'sha512-LCXJnNTFiyGuYBw2gZSI5OBFMbkjAPt8sqD/NKrWoE2QmDgSubTqFng6GaNJ9EJ8HpxBMGcWWpbbcs4Vo+CnGg==',
};

/** Where downloads are kept, outside of the repository. */
export const downloads = path.join(process.env.XDG_CACHE_HOME ?? path.join(homedir(), '.cache'), 'cutpoint/downloads');

/**
 * Node for a platform, from the npm package `node-PLATFORM`: downloaded once, and compared with the sum above each time.
 * @param {'linux-x64' | 'linux-arm64'} platform
 * @returns {{ program: string, licence: string, version: string }}
 * @throws Error if it cannot be fetched, or is not the one that was looked at
 */
export function nodeBinary(platform) {
  const name = `node-${platform}`;
  const archive = path.join(downloads, `${name}-${nodeVersion}.tgz`);
  mkdirSync(downloads, { recursive: true });
  if (!existsSync(archive)) run('npm', ['pack', '--silent', `${name}@${nodeVersion}`, '--pack-destination', downloads]);
  const sum = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`;
  if (sum !== integrities[platform])
    throw new Error(`${archive} is not the file it should be; delete it and try again.`);
  const folder = path.join(downloads, `${name}-${nodeVersion}`);
  const program = path.join(folder, 'package/bin/node');
  if (!existsSync(program)) {
    mkdirSync(folder, { recursive: true });
    run('tar', ['-xzf', archive, '-C', folder, 'package/bin/node', 'package/LICENSE']);
  }
  return { program, licence: path.join(folder, 'package/LICENSE'), version: nodeVersion };
}

function run(command, args) {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  if (error !== undefined || status !== 0) {
    throw new Error(`${command} ${args.join(' ')} failed: ${(error?.message ?? stderr).trim()}`);
  }
}
