// Verifies every cut of every model the tests know: minutes, not seconds.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const vitest = `${root}node_modules/vitest/vitest.mjs`;
const config = ['--config', 'vitest.long.config.ts'];
const args = ['run', 'test/verify.long.ts', ...config, '--testTimeout=1800000', '--reporter=verbose'];
const env = { ...process.env, CUTPOINT_VERIFY: 'all' };
const { status } = spawnSync(process.execPath, [vitest, ...args], { cwd: root, stdio: 'inherit', env });
process.exitCode = status ?? 1;
