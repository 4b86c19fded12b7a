import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { emulatedNode } from './emulated.testing.js';

const run = promisify(execFile);
const sums = fileURLToPath(new URL('../../packages/codec/src/payload-sums.testing.ts', import.meta.url));
const emulated = emulatedNode();
/** A minute on a machine with nothing else to do; this suffices on a busy one. */
const emulatedMs = 1_200_000;

let folder: string;
let program: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-arm64-'));
  program = join(folder, 'sums.mjs');
  await using build = await rolldown({
    platform: 'node',
    input: 'print-sums',
    plugins: [
      {
        name: 'print-sums',
        resolveId: (id) => (id === 'print-sums' ? id : null),
        load: (id) =>
          id === 'print-sums'
            ? `import { payloadSums } from '${sums}'; process.stdout.write(payloadSums().join('\\n'));`
            : null,
      },
    ],
    resolve: { extensionAlias: { '.js': ['.ts', '.js'] } },
  });
  await build.write({ file: program, format: 'esm' });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe.skipIf('missing' in emulated)('codecs on arm64', () => {
  it('make the payloads of x64 out of every tensor, and of every mutation what x64 makes', {
    timeout: emulatedMs,
  }, async () => {
    if ('missing' in emulated) return;
    const [emulator, ...before] = emulated.node;
    const env = { ...process.env, ...emulated.env };
    const options = { maxBuffer: 1 << 24, timeout: emulatedMs };
    const [here, there] = await Promise.all([
      run(process.execPath, [program], options),
      run(emulator, [...before, program], { ...options, env }),
    ]);
    expect(here.stdout.split('\n').length).toBeGreaterThan(500);
    expect(there.stdout.split('\n')).toEqual(here.stdout.split('\n'));
  });
});
