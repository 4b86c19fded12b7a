import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The kinds of input, by package; packages of ours and others that they import are used as they are installed. */
const sources = {
  wire: 'packages/wire/src/fuzz/kinds.testing.ts',
  control: 'packages/control/src/fuzz/kinds.testing.ts',
  core: 'packages/core/src/fuzzing.testing.ts',
};

/** Makes modules that Node can load of the kinds of input, which are TypeScript. Gives their folder. */
export async function bundleKinds() {
  const build = await rolldown({
    cwd: root,
    platform: 'node',
    input: Object.fromEntries(Object.entries(sources).map(([name, file]) => [name, path.join(root, file)])),
    // What newer syntax becomes for older versions of Node is the bundler's own.
    external: (id) => !id.startsWith('.') && !path.isAbsolute(id) && !id.startsWith('@oxc-project/'),
    resolve: { extensionAlias: { '.js': ['.ts', '.js'] } },
    transform: { target: 'es2022' },
  });
  // Below the root, so that what is imported is found.
  const folder = path.join(root, '.report', 'fuzz');
  await build.write({ dir: folder, format: 'esm', entryFileNames: '[name].mjs', chunkFileNames: '[name]-[hash].mjs' });
  await build.close();
  return folder;
}
