import { defineConfig } from 'vitest/config';

/** Archives as they are installed: `npm run test:pack`. */
export default defineConfig({
  oxc: { target: 'es2022' },
  test: {
    include: ['test/pack/*.pack.ts'],
    pool: 'forks',
    maxWorkers: 1,
    reporters: ['verbose', ['json', { outputFile: '.report/pack.json' }]],
  },
});
