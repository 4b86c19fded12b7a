import type { KernelSource } from '../../device/kernel.js';
import { type AttentionShape, cacheText } from './attention-shape.js';
import { rowKernelText, sumOverThreads } from './row-text.js';

/**
 * Queries and keys are normalised, if the model does that, and turned (rotary embedding in the order of halves); keys and
 * values go to their places in the cache. A workgroup for each head of each row.
 */
export function turnAndKeepKernel(
  shape: AttentionShape,
  { rope, normEpsilon }: { readonly rope: number; readonly normEpsilon: number | null },
): KernelSource {
  const { heads, kvHeads, headSize } = shape;
  const half = headSize / 2;
  const width = (heads + 2 * kvHeads) * headSize;
  const weightOf = (name: string) => `${name}[i]`;
  const factor =
    normEpsilon === null
      ? ''
      : `
  var squares = 0.0;
  for (var i = thread; i < ${headSize}u; i += 64u) { squares += qkv[first + i] * qkv[first + i]; }
  let factor = 1.0 / sqrt(sumOver(thread, squares) / ${headSize}.0 + f32(${normEpsilon}));`;
  const number = (at: string) =>
    normEpsilon === null
      ? `qkv[first + ${at}]`
      : `qkv[first + ${at}] * factor * select(${weightOf('keyNorm').replace('i', at)}, ${weightOf('queryNorm').replace('i', at)}, isQuery)`;
  const norms =
    normEpsilon === null
      ? []
      : ([
          ['queryNorm', 'read', 'array<f32>'],
          ['keyNorm', 'read', 'array<f32>'],
        ] as const);
  return rowKernelText({
    label: 'turn and keep',
    storage: [
      ['qkv', 'write', 'array<f32>'],
      ['keys', 'write', 'array<f32>'],
      ['values', 'write', 'array<f32>'],
      ['places', 'read', 'array<vec2u>'],
      ['pages', 'read', 'array<u32>'],
      ['turns', 'read', 'array<vec2f>'],
      ...norms,
    ],
    threads: 64,
    sharedBytes: normEpsilon === null ? 0 : 256,
    declarations: cacheText(shape) + (normEpsilon === null ? '' : sumOverThreads(64)),
    body: `
  let row = group.y;
  let place = places[row];
  let first = row * ${width}u + group.x * ${headSize}u;
  if (group.x >= ${heads + kvHeads}u) {
    let into = cached(place.y, place.x, group.x - ${heads + kvHeads}u);
    for (var i = thread; i < ${headSize}u; i += 64u) { values[into + i] = qkv[first + i]; }
    return;
  }
  let isQuery = group.x < ${heads}u;${factor}
  for (var i = thread; i < ${half}u; i += 64u) {
    let turn = turns[(${rope}u * step.rows + row) * ${half}u + i];
    let a = ${number('i')};
    let b = ${number(`(i + ${half}u)`)};
    let turnedA = a * turn.x - b * turn.y;
    let turnedB = b * turn.x + a * turn.y;
    if (isQuery) {
      qkv[first + i] = turnedA;
      qkv[first + i + ${half}u] = turnedB;
    } else {
      let into = cached(place.y, place.x, group.x - ${heads}u);
      keys[into + i] = turnedA;
      keys[into + i + ${half}u] = turnedB;
    }
  }`,
  });
}
