import type { KernelSource } from '../../device/kernel.js';
import { codecKernel, groupText, prefixSum, prefixSumBytes, usualThreads } from './kernel-text.js';
import { halfText, payloadText } from './payload-text.js';

/** The order of the numbers that the kernels of steps are told. */
export const stepsParams = [
  'groups',
  'length',
  'inner',
  'elements',
  'first',
  'narrow',
  'width',
  'widthsAt',
  'lowsAt',
  'scalesAt',
  'codesAt',
  'outliers',
  'gapsAt',
  'valuesAt',
] as const;

const group = 'struct Group { codesAt: u32, width: u32, low: f32, scale: f32 }';
export const groupBytes = 16;

/** Of each group: where its codes begin, how wide they are, low and scale. One workgroup, as each begins where the one before ends. */
export function readGroupsKernel(): KernelSource {
  return codecKernel({
    label: 'read groups',
    params: stepsParams,
    storage: [
      ['payload', 'read', 'array<u32>'],
      ['groups', 'write', 'array<Group>'],
    ],
    sharedBytes: prefixSumBytes,
    declarations: [
      group,
      payloadText,
      halfText,
      prefixSum,
      `
fn widthOf(group: u32) -> u32 {
  if (params.width != 0u) { return params.width; }
  let bit = 3u * group;
  let symbol = (shortAt(params.widthsAt + bit / 8u) >> (bit % 8u)) & 7u;
  return select(symbol + 1u, 0u, symbol == 0u);
}
fn numberAt(at: u32, index: u32) -> f32 {
  if (params.narrow != 0u) { return bitcast<f32>(bitsOfHalf(shortAt(at + 2u * index))); }
  return bitcast<f32>(wordAt(at + 4u * index));
}`,
    ],
    body: `
  var before = vec2u(0u);
  for (var begin = 0u; begin < params.groups; begin += ${usualThreads}u) {
    let group = begin + thread;
    let isGroup = group < params.groups;
    let width = select(0u, widthOf(group), isGroup);
    let own = vec2u((width * params.length + 7u) / 8u, select(0u, 1u, width != 0u));
    let start = before + sumUpTo(thread, own) - own;
    if (isGroup) {
      var scale = 0.0;
      if (width != 0u) { scale = numberAt(params.scalesAt, start.y); }
      groups[group] = Group(params.codesAt + start.x, width, numberAt(params.lowsAt, group), scale);
    }
    before += sums[${usualThreads - 1}];
    workgroupBarrier();
  }`,
  });
}

/** Element = low + code * scale. */
export function decodeStepsKernel(): KernelSource {
  return codecKernel({
    label: 'decode steps',
    params: stepsParams,
    storage: [
      ['payload', 'read', 'array<u32>'],
      ['groups', 'read', 'array<Group>'],
      ['result', 'write', 'array<u32>'],
    ],
    declarations: [group, payloadText, groupText],
    body: `
  let element = workgroup * ${usualThreads}u + thread;
  if (element < params.elements) {
    let own = groups[groupOf(element)];
    let bit = own.width * (element / params.inner % params.length);
    let code = (shortAt(own.codesAt + bit / 8u) >> (bit % 8u)) & ((1u << own.width) - 1u);
    result[params.first + element] = bitcast<u32>(own.low + f32(code) * own.scale);
  }`,
  });
}

/**
 * Puts outliers in their places: gaps are varints, so a thread has each byte that ends one, and a sum over those before tells its
 * place. They were checked on the CPU.
 */
export function placeOutliersKernel(): KernelSource {
  return codecKernel({
    label: 'place outliers',
    params: stepsParams,
    storage: [
      ['payload', 'read', 'array<u32>'],
      ['result', 'write', 'array<u32>'],
    ],
    sharedBytes: prefixSumBytes,
    declarations: [
      payloadText,
      prefixSum,
      `
fn gapThatEndsAt(at: u32) -> u32 {
  var gap = byteAt(at);
  var byte = at;
  while (byte > params.gapsAt && byteAt(byte - 1u) >= 0x80u) {
    byte -= 1u;
    gap = (gap << 7u) | (byteAt(byte) & 0x7fu);
  }
  return gap;
}`,
    ],
    body: `
  var before = vec2u(0u);
  for (var begin = params.gapsAt; begin < params.valuesAt; begin += ${usualThreads}u) {
    let at = begin + thread;
    let ends = at < params.valuesAt && byteAt(at) < 0x80u;
    var own = vec2u(0u);
    if (ends) { own = vec2u(gapThatEndsAt(at) + 1u, 1u); }
    let upTo = before + sumUpTo(thread, own);
    if (ends) { result[params.first + upTo.x - 1u] = wordAt(params.valuesAt + 4u * (upTo.y - 1u)); }
    before += sums[${usualThreads - 1}];
    workgroupBarrier();
  }`,
  });
}
