// Compiles assembly/ to WebAssembly and writes it into src/kernels/wasm-bytes.ts, which is kept in the repository: a
// clone builds with tsc alone. With --check it writes nothing and fails where the two differ.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const here = fileURLToPath(new URL('.', import.meta.url));
const target = `${here}src/kernels/wasm-bytes.ts`;
/** Pages of 64 KiB: what the kernels may ever use (256 MiB). */
const maximumMemory = 4096;

async function compile() {
  let wasm;
  const { error, stderr } = await asc.main(
    [
      'assembly/index.ts',
      ...['--outFile', 'kernels.wasm', '-O3', '--converge', '--noAssert', '--runtime', 'stub', '--enable', 'simd'],
      ...['--use', 'abort=', '--maximumMemory', String(maximumMemory), '--baseDir', here],
    ],
    { writeFile: (_name, contents) => (wasm = contents) },
  );
  if (error !== null || wasm === undefined) throw new Error(`The kernels do not compile.\n${stderr.toString()}`);
  return Buffer.from(wasm).toString('base64');
}

const text = `// Made from assembly/ by build-kernels.mjs; not to be edited.
export const wasmBase64 =
  '${await compile()}';
`;
if (readFileSync(target, 'utf8') === text) process.exit(0);
if (process.argv.includes('--check')) {
  process.stderr.write('src/kernels/wasm-bytes.ts is not what assembly/ gives: run `npm run kernels`.\n');
  process.exit(1);
}
writeFileSync(target, text);
