import { defineConfig } from 'vitest/config';

export default defineConfig({
  // Node 20 has no native `using`; the tests are compiled down to what it runs.
  oxc: { target: 'es2022' },
  test: {
    include: [
      'packages/*/src/**/*.test.ts',
      '{server,edge-agent,testbed}/src/**/*.test.ts',
      'examples/*/src/**/*.test.ts',
      'test/**/*.test.ts',
    ],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    reporters: ['default', ['json', { outputFile: '.report/tests.json' }]],
  },
});
