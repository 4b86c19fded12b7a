import type { KernelSource } from '../../device/kernel.js';
import { type AttentionShape, cacheText } from './attention-shape.js';
import { maxOverThreads, rowKernelText, sumOverThreads } from './row-text.js';

const threads = 64;

/**
 * Attention of one head of one row over the cached positions of its sequence, `threads` at a time: the softmax is kept
 * running, so that a context of any length needs no more memory (Milakov and Gimelshein, arXiv 1805.02867).
 */
export function attendKernel(shape: AttentionShape): KernelSource {
  const { heads, kvHeads, headSize, windowTokens, scale } = shape;
  const width = (heads + 2 * kvHeads) * headSize;
  const own = Math.ceil(headSize / threads);
  const from = windowTokens === null ? '0u' : `select(0u, end - ${windowTokens}u, end > ${windowTokens}u)`;
  return rowKernelText({
    label: 'attention',
    storage: [
      ['qkv', 'read', 'array<f32>'],
      ['keys', 'read', 'array<f32>'],
      ['values', 'read', 'array<f32>'],
      ['places', 'read', 'array<vec2u>'],
      ['pages', 'read', 'array<u32>'],
      ['result', 'write', 'array<f32>'],
    ],
    threads,
    sharedBytes: 4 * (headSize + 3 * threads),
    declarations: `
const lowest = -3.0e38;
var<workgroup> query: array<f32, ${headSize}>;
var<workgroup> shares: array<f32, ${threads}>;${cacheText(shape)}${sumOverThreads(threads)}${maxOverThreads(threads)}`,
    body: `
  let head = group.x;
  let row = group.y;
  let place = places[row];
  let kvHead = head / ${heads / kvHeads}u;
  for (var i = thread; i < ${headSize}u; i += ${threads}u) {
    query[i] = qkv[row * ${width}u + head * ${headSize}u + i] * f32(${scale});
  }
  workgroupBarrier();
  let end = place.x + 1u;
  var sums = array<f32, ${own}>();
  var most = lowest;
  var total = 0.0;
  for (var tile = ${from}; tile < end; tile += ${threads}u) {
    let position = tile + thread;
    var score = lowest;
    if (position < end) {
      let key = cached(place.y, position, kvHead);
      score = 0.0;
      for (var i = 0u; i < ${headSize}u; i++) { score += query[i] * keys[key + i]; }
    }
    let highest = max(most, maxOver(thread, score));
    let kept = exp(most - highest);
    let share = select(0.0, exp(score - highest), position < end);
    shares[thread] = share;
    total = total * kept + sumOver(thread, share);
    most = highest;
    let count = min(${threads}u, end - tile);
    for (var i = 0u; i < ${own}u; i++) { sums[i] *= kept; }
    for (var j = 0u; j < count; j++) {
      let value = cached(place.y, tile + j, kvHead);
      for (var i = 0u; i < ${own}u; i++) {
        let element = min(i * ${threads}u + thread, ${headSize - 1}u);
        sums[i] += shares[j] * values[value + element];
      }
    }
    workgroupBarrier();
  }
  for (var i = 0u; i < ${own}u; i++) {
    let element = i * ${threads}u + thread;
    if (element < ${headSize}u) {
      result[row * ${heads * headSize}u + head * ${headSize}u + element] = sums[i] / total;
    }
  }`,
  });
}
