import { builtinModules } from 'node:module';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { expect, it } from 'vitest';

const door = fileURLToPath(new URL('../dist/browser.js', import.meta.url));

it('the door for browsers can be bundled for one: it asks nothing of Node', async () => {
  const bundle = await rolldown({
    input: door,
    platform: 'browser',
    // Where there is no WebGPU of the browser's own, Dawn is looked for, which is for Node.
    external: ['webgpu', /^node:/, ...builtinModules, 'onnxruntime-node'],
    logLevel: 'silent',
  });
  const { output } = await bundle.generate({ format: 'esm' });
  const asked = output.flatMap((part) => (part.type === 'chunk' ? [...part.imports, ...part.dynamicImports] : []));
  expect(asked).toEqual(['webgpu']);
});
