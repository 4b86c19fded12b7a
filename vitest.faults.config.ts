import { defineConfig } from 'vitest/config';

const files = process.env.CUTPOINT_FAULT_SECONDS === undefined ? '*.faults.ts' : 'fleet/*.bench.ts';

/**
 * Real processes that are killed, stopped and cut off: `npm run test:faults`. One file at a time, as they load the machine.
 * Those of a whole fleet take long: `npm run bench:faults`.
 */
export default defineConfig({
  oxc: { target: 'es2022' },
  test: {
    include: [`test/faults/${files}`],
    pool: 'forks',
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    reporters: ['default', ['json', { outputFile: '.report/faults.json' }]],
  },
});
