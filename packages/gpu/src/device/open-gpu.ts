import { CutpointError } from '@cutpoint/core';
import { findGpu } from './find-gpu.js';
import { Gpu } from './gpu.js';
import { gpuInfo } from './gpu-info.js';

/**
 * Opens the GPU of this machine, with as large buffers as it allows. Dispose of it to free what it holds.
 * @param found WebGPU, where it is not that of this place.
 * @throws CutpointError CUT_GPU_MISSING if there is no WebGPU or no adapter.
 * @example using gpu = await openGpu();
 */
export async function openGpu(found?: GPU): Promise<Gpu> {
  const gpu = found ?? (await findGpu());
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (adapter === null) {
    const hint = 'Check its driver; on Linux a Vulkan driver and libvulkan.so.1 are needed';
    throw new CutpointError('CUT_GPU_MISSING', `WebGPU found no GPU that it can use. ${hint}.`);
  }
  const { maxBufferSize, maxStorageBufferBindingSize, maxComputeWorkgroupStorageSize } = adapter.limits;
  const { maxComputeInvocationsPerWorkgroup, maxComputeWorkgroupSizeX } = adapter.limits;
  const device = await adapter.requestDevice({
    requiredLimits: {
      maxBufferSize,
      maxStorageBufferBindingSize,
      maxComputeWorkgroupStorageSize,
      maxComputeInvocationsPerWorkgroup,
      maxComputeWorkgroupSizeX,
    },
  });
  return new Gpu(gpu, device, gpuInfo(gpu, adapter), true);
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
  const { adapterInfo: info, features, limits } = device;
  return new Gpu(gpu, device, gpuInfo(gpu, { info, features, limits }), false);
}
