import { defineConfig } from 'vitest/config';

/** Kernels on a GPU, or on a driver that computes like one, and pages in a browser: `npm run test:gpu`. */
export default defineConfig({
  oxc: { target: 'es2022' },
  test: {
    include: ['packages/*/src/**/*.gpu.ts', 'test/gpu/**/*.gpu.ts', 'test/browser/**/*.browser.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    reporters: ['default', ['json', { outputFile: '.report/gpu.json' }]],
  },
});
