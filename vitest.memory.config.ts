import { defineConfig } from 'vitest/config';

/** Plans of language models under limits of memory that control groups enforce, one after another: `npm run test:memory`. */
export default defineConfig({
  oxc: { target: 'es2022' },
  test: {
    include: ['test/memory/**/*.memory.ts'],
    pool: 'forks',
    fileParallelism: false,
    testTimeout: 1_800_000,
    hookTimeout: 300_000,
    reporters: ['default', ['json', { outputFile: '.report/memory.json' }]],
  },
});
