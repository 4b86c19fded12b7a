import { defineConfig } from 'vitest/config';

/** An emulated Raspberry Pi against this machine: `npm run test:arm64`. */
export default defineConfig({
  oxc: { target: 'es2022' },
  test: {
    include: ['test/arm64/*.arm64.ts'],
    pool: 'forks',
    maxWorkers: 1,
    reporters: ['verbose', ['json', { outputFile: '.report/arm64.json' }]],
  },
});
