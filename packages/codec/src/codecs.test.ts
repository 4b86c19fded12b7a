import { describe } from 'vitest';
import { itIsACodec } from './codec-conformance.testing.js';
import { openKernels } from './kernels/load-kernels.js';
import { openCodec } from './registry.js';
import { transformCodecs } from './transform/codec.js';
import { smallShapes, smallTables } from './transform/small-tables.testing.js';

const specs = [
  'raw',
  'f16',
  'bf16',
  'affine:bits=8,per=tensor',
  'affine:bits=4,per=token',
  'affine:bits=3,per=channel',
  'ts-tabq:delta=1e-3,rho=0.001,max=8',
  'ts-tabq:delta=1e-2,rho=0.05,max=6,token=channel',
  'ts-tabq:delta=1e-4,tau=2.5',
  'topk:keep=0.1+affine:bits=8',
  'topk:keep=0.3+raw',
  'sparse+raw',
  'sparse+affine:bits=4',
  'topk:keep=0.5+sparse+f16',
  'raw+rans',
  'bf16+rans',
  'affine:bits=8,per=channel+rans',
  'ts-tabq:delta=1e-3,rho=0.001,max=8+rans',
  'topk:keep=0.2+affine:bits=6+rans',
  'sparse+f16+rans',
];

describe.each(specs)('%s', (spec) => {
  itIsACodec(() => openCodec(spec));
});

const kernels = openKernels();
describe.each(['f16', 'affine:bits=5,per=token', 'ts-tabq:delta=1e-3,rho=0.01+rans'])('%s in WebAssembly', (spec) => {
  itIsACodec(() => openCodec(spec, { kernels }));
});

const transform = transformCodecs(smallTables);
describe.each([...smallTables.keys()])('transform for a %s', (name) => {
  itIsACodec(() => openCodec(`transform:table=${name}`, { transform }), smallShapes[name]);
  describe('in WebAssembly', () => {
    itIsACodec(() => openCodec(`transform:table=${name}`, { transform, kernels }), smallShapes[name]);
  });
});
