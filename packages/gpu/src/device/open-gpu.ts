import { CutpointError, messageOf } from '@cutpoint/core';
import { afterMs } from './after-ms.js';
import { stuckMs, stuckMsInSoftware } from './device-life.js';
import { browserGpu, findGpu } from './find-gpu.js';
import { Gpu } from './gpu.js';
import { gpuInfo } from './gpu-info.js';

export interface OpenGpuOptions {
  /** How long the GPU may leave a wait without an answer, in ms. Default: 30 s, with a driver that computes on the CPU 300 s. */
  readonly stuckMs?: number;
}

/**
 * Opens the GPU of this machine, with as large buffers as it allows. Dispose of it to free what it holds.
 * @param found WebGPU, where it is not that of this place.
 * @throws CutpointError CUT_GPU_MISSING if there is no WebGPU or no adapter, or they fail or do not answer.
 * @example using gpu = await openGpu();
 */
export async function openGpu(found?: GPU, options: OpenGpuOptions = {}): Promise<Gpu> {
  const gpu = found ?? (await findGpu());
  const answerMs = options.stuckMs ?? stuckMs;
  const adapter = await answered(() => gpu.requestAdapter({ powerPreference: 'high-performance' }), answerMs);
  if (adapter === null) throw unusable('WebGPU found no GPU that it can use');
  const { maxBufferSize, maxStorageBufferBindingSize, maxComputeWorkgroupStorageSize } = adapter.limits;
  const { maxComputeInvocationsPerWorkgroup, maxComputeWorkgroupSizeX } = adapter.limits;
  const requiredLimits = {
    maxBufferSize,
    maxStorageBufferBindingSize,
    maxComputeWorkgroupStorageSize,
    maxComputeInvocationsPerWorkgroup,
    maxComputeWorkgroupSizeX,
  };
  const device = await answered(
    () => adapter.requestDevice({ requiredLimits }),
    answerMs,
    (late) => late.destroy(),
  );
  const info = gpuInfo(gpu, adapter);
  return new Gpu(gpu, device, info, { owned: true, stuckMs: options.stuckMs ?? usualStuckMs(info) });
}

/**
 * A device that others opened and keep, such as that of onnxruntime-web: kernels run where its tensors are. Disposing of it leaves
 * the device open. What it allows is what the device was opened with.
 * @param found WebGPU, where it is not that of this place.
 * @throws CutpointError CUT_GPU_MISSING if there is no WebGPU.
 * @example using gpu = await gpuOnDevice(ort.env.webgpu.device);
 */
export async function gpuOnDevice(device: GPUDevice, found?: GPU): Promise<Gpu> {
  const gpu = found ?? (await findGpu());
  const { adapterInfo, features, limits } = device;
  const info = gpuInfo(gpu, { info: adapterInfo, features, limits });
  return new Gpu(gpu, device, info, { owned: false, stuckMs: usualStuckMs(info) });
}

function usualStuckMs({ software }: { readonly software: boolean }): number {
  return software ? stuckMsInSoftware : stuckMs;
}

/** @param free what came when nobody waited any more. */
async function answered<T>(ask: () => Promise<T>, ms: number, free: (late: T) => void = () => undefined): Promise<T> {
  let tooLate: () => void = () => undefined;
  const silence = new Promise<never>((_, reject) => {
    tooLate = () => reject(new Error(`the driver has not answered for ${ms / 1000} s`));
  });
  using _ = afterMs(ms, tooLate);
  let asked: Promise<T> | undefined;
  try {
    asked = ask();
    return await Promise.race([asked, silence]);
  } catch (cause) {
    // What it ends with is said, or comes too late for anybody.
    asked?.then(free, () => undefined);
    throw unusable(`The GPU could not be opened: ${messageOf(cause)}`, cause);
  }
}

function unusable(what: string, cause?: unknown): CutpointError {
  const hint =
    browserGpu() === undefined
      ? 'Check its driver (on Linux a Vulkan driver and libvulkan.so.1 are needed), or take the one that computes in software, which docs/gpu.md names'
      : "Check in the browser's settings that graphics acceleration is on, and that the browser is up to date";
  return new CutpointError('CUT_GPU_MISSING', `${what}. ${hint}.`, { cause });
}
