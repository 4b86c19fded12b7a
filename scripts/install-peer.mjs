// `npm run peer -- node-llama-cpp`: installs an engine to measure ourselves beside, from its folder in testbed/peers.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const peers = fileURLToPath(new URL('../testbed/peers/', import.meta.url));
const [name = ''] = process.argv.slice(2);
if (!existsSync(join(peers, name, 'package.json')) || name === '') {
  process.stderr.write(`Name a peer: ${readdirSync(peers).join(', ')}.\n`);
  process.exitCode = 2;
} else {
  // Its binaries come as packages of their own: no install script has to run.
  const { status } = spawnSync('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock'], {
    cwd: join(peers, name),
    stdio: 'inherit',
  });
  process.exitCode = status ?? 1;
}
