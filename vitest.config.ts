import { defineConfig } from 'vitest/config';

const folders = ['packages/*/src', '{server,edge-agent,testbed}/src', 'examples/*/src', 'test'];
const named = (ending: string) => folders.map((folder) => `${folder}/**/*.${ending}`);
/** They open nothing and keep nothing, so that their tests may share a process. */
const pure = 'packages/{core,graph,plan}/src/**/*.test.ts';

export default defineConfig({
  // Node 20 has no native `using`; the tests are compiled down to what it runs.
  oxc: { target: 'es2022' },
  test: {
    pool: 'forks',
    // How long something may take is said by the test; these only end what hangs.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 30_000 } },
    reporters: ['default', ['json', { outputFile: '.report/tests.json' }]],
    projects: [
      {
        extends: true,
        test: {
          name: 'ordinary',
          include: named('test.ts'),
          exclude: ['**/*.timing.test.ts', pure],
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'pure',
          include: [pure],
          exclude: ['**/*.timing.test.ts'],
          isolate: false,
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        // What measures time has the machine to itself: one file at a time, after the others.
        extends: true,
        test: { name: 'timing', include: named('timing.test.ts'), maxWorkers: 1, sequence: { groupOrder: 1 } },
      },
    ],
  },
});
