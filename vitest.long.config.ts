import { defineConfig } from 'vitest/config';

/** Whole jobs on real models, and what else takes long: `npm run test:long`. */
export default defineConfig({
  oxc: { target: 'es2022' },
  test: {
    include: ['test/**/*.long.ts', 'packages/*/src/**/*.long.ts'],
    pool: 'forks',
    // Some measure: nothing runs beside them.
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    reporters: ['default', ['json', { outputFile: '.report/long.json' }]],
  },
});
