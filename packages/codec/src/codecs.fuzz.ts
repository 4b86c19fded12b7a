import { openStream } from './delta-stream.js';
import { openKernels } from './kernels/load-kernels.js';
import { itWithstandsMutations } from './mutate.testing.js';

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
