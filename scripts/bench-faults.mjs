// `npm run bench:faults -- --seconds 60 --rate 50`: the faults of a fleet at full length, as tables and .report/fleet-faults-*.json.
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '60' }, rate: { type: 'string', default: '50' } },
});
const env = { ...process.env, CUTPOINT_FAULT_SECONDS: values.seconds, CUTPOINT_FAULT_RATE: values.rate };
const args = ['vitest', 'run', '--config', 'vitest.faults.config.ts', 'test/faults/fleet'];
const { status } = spawnSync('npx', args, { stdio: 'inherit', env });
process.exitCode = status ?? 1;
