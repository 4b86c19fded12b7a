import type { KernelSource } from '../../device/kernel.js';

/** Threads of a workgroup, where nothing says otherwise. */
export const usualThreads = 256;

/** What a kernel of codecs is made of. */
export interface CodecKernel {
  readonly label: string;
  /** Members of the uniform `params`; u32 unless they say otherwise. */
  readonly params: readonly string[];
  /** Bindings from 1 on; `write` is also read. */
  readonly storage: readonly (readonly [name: string, access: 'read' | 'write', type: string])[];
  readonly threads?: number;
  readonly sharedBytes?: number;
  readonly declarations?: readonly string[];
  /** Statements of `main`: `thread` and `workgroup` (its number) are there. */
  readonly body: string;
}

export function codecKernel(kernel: CodecKernel): KernelSource {
  const { label, params, storage, threads = usualThreads, sharedBytes = 0, declarations = [], body } = kernel;
  const members = params.map((name) => (name.includes(':') ? name : `${name}: u32`));
  const bindings = storage.map(([name, access, type], i) => {
    const mode = access === 'read' ? 'read' : 'read_write';
    return `@group(0) @binding(${i + 1}) var<storage, ${mode}> ${name}: ${type};`;
  });
  const wgsl = `
struct Params { ${members.join(', ')} }
@group(0) @binding(0) var<uniform> params: Params;
${bindings.join('\n')}
${declarations.join('\n')}
@compute @workgroup_size(${threads})
fn main(
  @builtin(local_invocation_index) thread: u32,
  @builtin(workgroup_id) place: vec3u,
  @builtin(num_workgroups) count: vec3u,
) {
  let workgroup = place.y * count.x + place.x;
${body}
}
`;
  return { label, wgsl, threads, sharedBytes };
}

/** A function `sumUpTo(thread, value)`: the sum of the values of this thread and those before it; that of all is then in `sums[${usualThreads - 1}]`. */
export const prefixSum = `
var<workgroup> sums: array<vec2u, ${usualThreads}>;
fn sumUpTo(thread: u32, value: vec2u) -> vec2u {
  sums[thread] = value;
  workgroupBarrier();
  for (var apart = 1u; apart < ${usualThreads}u; apart *= 2u) {
    var sum = sums[thread];
    if (thread >= apart) { sum += sums[thread - apart]; }
    workgroupBarrier();
    sums[thread] = sum;
    workgroupBarrier();
  }
  return sums[thread];
}`;
export const prefixSumBytes = 8 * usualThreads;

/** Where a group's element lies, and the group of an element: as `Grouping` of packages/codec has it. */
export const groupText = `
fn firstOf(group: u32) -> u32 {
  return group / params.inner * params.length * params.inner + group % params.inner;
}
fn groupOf(element: u32) -> u32 {
  return element / (params.length * params.inner) * params.inner + element % params.inner;
}`;
