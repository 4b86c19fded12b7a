import { defineConfig } from 'vitest/config';

/**
 * Real processes that are killed, stopped and cut off: `npm run test:faults`. One file at a time, as they load the machine.
 * `npm run bench:faults` runs those of a whole fleet at full length.
 */
export default defineConfig({
  oxc: { target: 'es2022' },
  test: {
    include: ['test/faults/**/*.faults.ts'],
    pool: 'forks',
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    reporters: ['default', ['json', { outputFile: '.report/faults.json' }]],
  },
});
