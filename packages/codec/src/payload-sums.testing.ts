import { createHash } from 'node:crypto';
import type { Tensor } from '@cutpoint/core';
import type { CodecStream } from './codec.js';
import { openStream } from './delta-stream.js';
import type { Kernels } from './kernels/kernels.js';
import { openKernels } from './kernels/load-kernels.js';
import { typescriptKernels } from './kernels/typescript.js';
import { mutantOf, anyShapes as mutatedShapes, originals, randomFrom, type Shapes } from './mutations.testing.js';
import { anyShapes, fillings, tensorsOf } from './tensors.testing.js';
import { transformCodecs } from './transform/codec.js';
import { smallShapes, smallTables } from './transform/small-tables.testing.js';
import { printTransformTable } from './transform/table-file.js';

const specs = [
  'raw',
  'f16',
  'bf16',
  'affine:bits=8,per=tensor',
  'affine:bits=5,per=token',
  'affine:bits=3,per=channel',
  'ts-tabq:delta=1e-3,rho=0.05',
  'ts-tabq:delta=1e-2,rho=0.05,max=6,token=channel',
  'topk:keep=0.3+affine:bits=4',
  'sparse+f16',
  'delta+f16',
  'bf16+rans',
  'affine:bits=8,per=channel+rans',
  'ts-tabq:delta=1e-3,rho=0.001,max=8+rans',
  'topk:keep=0.2+affine:bits=6+rans',
];
const mutations = 200;
const limits = { maxElements: 1 << 16 };

/**
 * What the codecs make of the tensors and mutations that other tests use, one line for each codec and kind of tensor: the
 * same lines on every processor, or payloads of one device mean something else on another.
 */
export function payloadSums(): string[] {
  const kernels: readonly Kernels[] = [typescriptKernels, openKernels()];
  const transform = transformCodecs(smallTables);
  const tables = [...smallTables].map(([name, table]) => `table ${name} ${sumOf([printTransformTable(table)])}`);
  const sums = kernels.flatMap((used) => [
    ...specs.flatMap((spec) => linesOf(spec, used, anyShapes, () => openStream(spec, { kernels: used }))),
    ...[...smallTables.keys()].flatMap((name) => {
      const spec = `transform:table=${name}`;
      return linesOf(spec, used, smallShapes[name] ?? [], () => openStream(spec, { kernels: used, transform }));
    }),
  ]);
  return [...tables, ...sums];
}

function linesOf(spec: string, kernels: Kernels, shapes: Shapes, open: () => CodecStream): string[] {
  const carried = Object.entries(fillings).map(([name, filling]) => {
    const codec = open();
    return `${spec} in ${kernels.name}, ${name}: ${sumOf(tensorsOf(filling, shapes).flatMap((one) => thereAndBack(codec, one)))}`;
  });
  const random = randomFrom(spec.length * 7919);
  const codec = open();
  const payloads = originals(random, shapes === anyShapes ? mutatedShapes : shapes).map((one) => codec.encode(one));
  const mutants = Array.from({ length: mutations }, (_, i) => decoded(codec, mutantOf(payloads, random, i % 2 === 0)));
  return [...carried, `${spec} in ${kernels.name}, mutations: ${sumOf(mutants)}`];
}

/** The payload and what comes of it, or why there is none. */
function thereAndBack(codec: CodecStream, tensor: Tensor): (string | Uint8Array)[] {
  try {
    const payload = codec.encode(tensor);
    return [payload, decoded(codec, payload)];
  } catch (thrown) {
    return [codeOf(thrown)];
  }
}

function decoded(codec: CodecStream, payload: Uint8Array): string | Uint8Array {
  try {
    return codec.decode(payload, limits).data;
  } catch (thrown) {
    return codeOf(thrown);
  }
}

function codeOf(thrown: unknown): string {
  const { code } = thrown as { code?: unknown };
  if (typeof code === 'string' && code.startsWith('CUT_CODEC')) return code;
  throw thrown;
}

function sumOf(parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${part.length} `).update(part);
  return `${parts.length} parts, ${hash.digest('hex').slice(0, 32)}`;
}
