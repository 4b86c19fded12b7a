import { openStream } from './delta-stream.js';
import { openKernels } from './kernels/load-kernels.js';
import { itWithstandsMutations } from './mutate.testing.js';
import { transformCodecs } from './transform/codec.js';
import { smallShapes, smallTables } from './transform/small-tables.testing.js';

const kernels = openKernels();
const specs = [
  'raw',
  'f16',
  'bf16',
  'affine:bits=5,per=token',
  'ts-tabq:delta=1e-3,rho=0.05',
  'topk:keep=0.3+affine:bits=4',
  'sparse+f16',
  'delta+f16',
];

for (const spec of specs) itWithstandsMutations(spec, () => openStream(spec, { kernels }), spec.includes('affine'));

const transform = transformCodecs(smallTables);
for (const name of smallTables.keys()) {
  const spec = `transform:table=${name}`;
  itWithstandsMutations(spec, () => openStream(spec, { kernels, transform }), true, smallShapes[name]);
}

// Payloads of `image` are not here: they are files, which are read by a coder from outside. image/image-codec.test.ts holds
// what that coder gives to the size and type that were asked for.
