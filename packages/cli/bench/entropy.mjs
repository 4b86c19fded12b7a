// Bytes of codecs packed, packed and deflated, deflated a byte to each code, and with +rans, on activations of real models:
//   npm run build && node packages/cli/bench/entropy.mjs
import { deflateRawSync } from 'node:zlib';
import { openCodec, openKernels } from '@cutpoint/codec';
import { f32Values } from '@cutpoint/core';
import { readActivations } from '../dist/bench/activations.js';

const kernels = openKernels();
const specs = ['f16', 'affine:bits=8', 'affine:bits=4', 'ts-tabq:delta=1e-2,rho=0', 'ts-tabq:delta=1e-3'];
const { signal } = new AbortController();

/** One byte for each code of affine over the whole tensor: what deflate likes best. */
function deflatedCodes(tensor, spec) {
  const [, bits] = /^affine:bits=(\d)$/.exec(spec) ?? [];
  if (bits === undefined) return undefined;
  const values = f32Values(tensor);
  const grouping = { outer: 1, length: values.length, inner: 1 };
  const steps = kernels.affineEncode(values, grouping, Number(bits), 'bytes');
  return steps && deflateRawSync(steps.codes, { level: 9 }).length + 20;
}

function row(cells) {
  process.stdout.write(`${cells.join('\t')}\n`);
}

const { activations } = await readActivations(signal);
row(['tensor', 'codec', 'packed', 'packed+deflate', 'codes+deflate', '+rans', 'encode ms', 'decode ms']);
for (const { name, tensor } of activations) {
  for (const spec of specs) {
    const packed = openCodec(spec, { kernels }).encode(tensor);
    const coder = openCodec(`${spec}+rans`, { kernels });
    const coded = coder.encode(tensor);
    const times = [() => coder.encode(tensor), () => coder.decode(coded, { maxElements: 1 << 26 })].map((run) => {
      const taken = Array.from({ length: 5 }, () => {
        const start = performance.now();
        run();
        return performance.now() - start;
      });
      return Math.min(...taken).toFixed(2);
    });
    const deflated = deflateRawSync(packed, { level: 9 }).length;
    row([name, spec, packed.length, deflated, deflatedCodes(tensor, spec) ?? '', coded.length, ...times]);
  }
}
