import type { KernelSource } from '../../device/kernel.js';

export interface RowKernel {
  readonly label: string;
  /** Bindings from 1 on; `write` is also read. */
  readonly storage: readonly (readonly [name: string, access: 'read' | 'write', type: string])[];
  readonly threads: number;
  /** Declarations beside `main`. */
  readonly declarations?: string;
  readonly sharedBytes?: number;
  /** Statements of `main`: `thread`, `group` (the workgroup's id) and `step.rows` are there. */
  readonly body: string;
}

/** A kernel over the rows of a step: how many there are is the one thing that changes from run to run. */
export function rowKernelText({
  label,
  storage,
  threads,
  declarations = '',
  sharedBytes = 0,
  body,
}: RowKernel): KernelSource {
  const bindings = storage.map(([name, access, type], i) => {
    const mode = access === 'read' ? 'read' : 'read_write';
    return `@group(0) @binding(${i + 1}) var<storage, ${mode}> ${name}: ${type};`;
  });
  const wgsl = `
struct Step { rows: u32 }
@group(0) @binding(0) var<uniform> step: Step;
${bindings.join('\n')}
${declarations}
@compute @workgroup_size(${threads})
fn main(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) group: vec3u) {
  if (group.y >= step.rows) { return; }
${body}
}
`;
  return { label, wgsl, threads, sharedBytes };
}

/** A function `NAME(thread, value)` that joins a value of each thread; all threads must call it, and all get the result. */
export function joinOverThreads(name: string, threads: number, join: (a: string, b: string) => string): string {
  return `
var<workgroup> ${name}Parts: array<f32, ${threads}>;
fn ${name}(thread: u32, value: f32) -> f32 {
  ${name}Parts[thread] = value;
  workgroupBarrier();
  for (var apart = ${threads / 2}u; apart > 0u; apart /= 2u) {
    if (thread < apart) {
      ${name}Parts[thread] = ${join(`${name}Parts[thread]`, `${name}Parts[thread + apart]`)};
    }
    workgroupBarrier();
  }
  let joined = ${name}Parts[0];
  workgroupBarrier();
  return joined;
}
`;
}

export const sumOverThreads = (threads: number) => joinOverThreads('sumOver', threads, (a, b) => `${a} + ${b}`);
export const maxOverThreads = (threads: number) => joinOverThreads('maxOver', threads, (a, b) => `max(${a}, ${b})`);
