import type { KernelSource } from '../../device/kernel.js';
import { encodeParams, stateText } from './encode-params.js';
import { codecKernel, groupText, prefixSum, prefixSumBytes, usualThreads } from './kernel-text.js';

/** Codes of so many neighbours in a group are as many bytes as they are wide. */
export const codesOfRun = 8;

/** Where the codes of each group begin, and widths as bytes. One workgroup. */
export function placeGroupsKernel(): KernelSource {
  return codecKernel({
    label: 'place groups',
    params: encodeParams,
    storage: [
      ['widths', 'read', 'array<u32>'],
      ['starts', 'write', 'array<u32>'],
      ['widthBytes', 'write', 'array<atomic<u32>>'],
      ['state', 'write', 'State'],
    ],
    sharedBytes: prefixSumBytes,
    declarations: [stateText, prefixSum],
    body: `
  var before = 0u;
  for (var begin = 0u; begin < params.groups; begin += ${usualThreads}u) {
    let group = begin + thread;
    let isGroup = group < params.groups;
    let width = select(0u, widths[group], isGroup);
    let own = (width * params.length + 7u) / 8u;
    let upTo = sumUpTo(thread, vec2u(own, 0u)).x;
    if (isGroup) {
      starts[group] = before + upTo - own;
      atomicOr(&widthBytes[group / 4u], width << (8u * (group % 4u)));
    }
    before += sums[${usualThreads - 1}].x;
    workgroupBarrier();
  }
  if (thread == 0u) { atomicStore(&state.codeBytes, before); }`,
  });
}

/** Quantises and packs: a thread has a run of neighbours in a group, whose codes are whole bytes, at any place of a word. */
export function packCodesKernel(): KernelSource {
  return codecKernel({
    label: 'pack codes',
    params: encodeParams,
    storage: [
      ['values', 'read', 'array<u32>'],
      ['lows', 'read', 'array<f32>'],
      ['scales', 'read', 'array<f32>'],
      ['widths', 'read', 'array<u32>'],
      ['starts', 'read', 'array<u32>'],
      ['codes', 'write', 'array<atomic<u32>>'],
      ['state', 'write', 'State'],
    ],
    declarations: [
      stateText,
      groupText,
      `fn add(word: u32, bits: u32) { if (bits != 0u) { atomicOr(&codes[word], bits); } }`,
    ],
    body: `
  let piece = workgroup * ${usualThreads}u + thread;
  let runs = (params.length + ${codesOfRun - 1}u) / ${codesOfRun}u;
  let group = piece / (runs * params.inner) * params.inner + piece % params.inner;
  let run = piece / params.inner % runs;
  if (group < params.groups && scales[group] > 0.0) {
    let tau = atomicLoad(&state.tau);
    let start = params.first + firstOf(group);
    let width = widths[group];
    let low = lows[group];
    let inverse = 1.0 / scales[group];
    var lower = 0u;
    var upper = 0u;
    for (var i = 0u; i < ${codesOfRun}u; i++) {
      let l = run * ${codesOfRun}u + i;
      if (l >= params.length) { break; }
      let bits = values[start + l * params.inner];
      if ((bits & 0x7fffffffu) > tau) { continue; }
      let steps = clamp(round((bitcast<f32>(bits) - low) * inverse), 0.0, f32((1u << width) - 1u));
      let code = u32(steps);
      let at = i * width;
      if (at < 32u) { lower |= code << at; }
      if (at + width > 32u) { upper |= select(code << (at % 32u), code >> (32u - at % 32u), at < 32u); }
    }
    let to = starts[group] + run * width;
    let shift = 8u * (to % 4u);
    add(to / 4u, lower << shift);
    if (shift == 0u) { add(to / 4u + 1u, upper); }
    else {
      add(to / 4u + 1u, (lower >> (32u - shift)) | (upper << shift));
      add(to / 4u + 2u, upper >> (32u - shift));
    }
  }`,
  });
}
