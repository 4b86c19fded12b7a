import { defineConfig } from 'vitest/config';

/** Mutated payloads, by the hundred thousand: `npm run test:fuzz`. */
export default defineConfig({
  oxc: { target: 'es2022' },
  test: {
    include: ['packages/*/src/**/*.fuzz.ts'],
    pool: 'forks',
    maxWorkers: 2,
    reporters: ['default', ['json', { outputFile: '.report/fuzz.json' }]],
  },
});
