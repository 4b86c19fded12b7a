// Makes a clone ready to run: installs when the lock file changed since the last install, then builds.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const lock = `${root}package-lock.json`;
const installed = `${root}node_modules/.cutpoint-installed`;

function step(what, command, args) {
  process.stderr.write(`${what} ...\n`);
  const result = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' });
  if (result.status !== 0) {
    process.stderr.write(`${what} failed: ${command} ${args.join(' ')}\n`);
    process.exit(result.status ?? 1);
  }
}

if (!existsSync(installed) || readFileSync(installed, 'utf8') !== readFileSync(lock, 'utf8')) {
  step('Installing dependencies (once)', 'npm', ['ci', '--no-audit', '--no-fund']);
  copyFileSync(lock, installed);
}
step('Building', process.execPath, [`${root}node_modules/typescript/bin/tsc`, '-b']);
step('Bundling the page', process.execPath, [`${root}packages/web/build-page.mjs`]);
