import { openStream } from './delta-stream.js';
import { openKernels } from './kernels/load-kernels.js';
import { itWithstandsMutations } from './mutate.testing.js';

const kernels = openKernels();
const specs = ['bf16+rans', 'affine:bits=4,per=channel+rans', 'ts-tabq:rho=0.05+rans', 'topk+sparse+raw+rans'];

for (const spec of specs) itWithstandsMutations(spec, () => openStream(spec, { kernels }), spec.includes('affine'));
