import { CutpointError, messageOf } from '@cutpoint/core';
import type { GpuInfo } from './gpu-info.js';

/** A kernel as text. Its entry point is `main`; its bindings are numbered from 0 in group 0. */
export interface KernelSource {
  readonly label: string;
  readonly wgsl: string;
  /** Threads of one workgroup. */
  readonly threads: number;
  /** Memory that the threads of one workgroup share. */
  readonly sharedBytes: number;
}

export interface Kernel {
  readonly source: KernelSource;
  readonly pipeline: GPUComputePipeline;
}

/** A kernel and the buffers that it works on. */
export interface BoundKernel {
  readonly pipeline: GPUComputePipeline;
  readonly bindings: GPUBindGroup;
}

/** One run of a kernel. */
export interface Dispatch {
  readonly bound: BoundKernel;
  /** How many workgroups, in x, y and z. */
  readonly groups: readonly [number, number, number];
}

/** @throws CutpointError CUT_GPU_LIMIT if the adapter cannot hold a workgroup of it; CUT_INTERNAL if it is wrong. */
export async function makeKernel(device: GPUDevice, info: GpuInfo, source: KernelSource): Promise<Kernel> {
  const { label, wgsl } = source;
  const lacking = lackedBy(info, source);
  if (lacking !== undefined) throw new CutpointError('CUT_GPU_LIMIT', `The kernel ${label} ${lacking}.`);
  const module = device.createShaderModule({ label, code: wgsl });
  try {
    const compute = { module, entryPoint: 'main' };
    const pipeline = await device.createComputePipelineAsync({ label, layout: 'auto', compute });
    return { source, pipeline };
  } catch (cause) {
    const { messages } = await module.getCompilationInfo();
    const said = messages.map(({ lineNum, message }) => `line ${lineNum}: ${message}`).join('; ');
    const why = said === '' ? messageOf(cause) : said;
    throw new CutpointError('CUT_INTERNAL', `The kernel ${label} does not compile: ${why}`, { cause });
  }
}

/** What an adapter lacks for a kernel, as the end of a sentence; undefined if it can run it. */
export function lackedBy(info: GpuInfo, { threads, sharedBytes }: KernelSource): string | undefined {
  const { maxWorkgroupThreads, workgroupStorageBytes } = info;
  if (threads > maxWorkgroupThreads) return `needs ${threads} threads together; this GPU allows ${maxWorkgroupThreads}`;
  if (sharedBytes <= workgroupStorageBytes) return undefined;
  return `needs ${sharedBytes} bytes of shared memory; this GPU allows ${workgroupStorageBytes}`;
}
