/** What is known of an adapter. */
export interface GpuInfo {
  readonly vendor: string;
  readonly architecture: string;
  /** For people; also the name under which tuned kernels are kept. */
  readonly description: string;
  /** It computes on the CPU: right for tests, and its times say nothing about a GPU. */
  readonly software: boolean;
  readonly features: readonly string[];
  readonly maxBufferBytes: number;
  readonly maxBindingBytes: number;
  readonly workgroupStorageBytes: number;
  readonly maxWorkgroupThreads: number;
  /** Four products of bytes in one instruction (`dot4U8Packed`). */
  readonly packedDot: boolean;
  readonly f16: boolean;
}

/** @param limits of the adapter, or of a device that is open. */
export function gpuInfo(
  gpu: GPU,
  { info, features, limits }: Pick<GPUAdapter, 'info' | 'features' | 'limits'>,
): GpuInfo {
  const { vendor, architecture, description, device } = info;
  return {
    vendor,
    architecture,
    description: description === '' ? [vendor, architecture, device].filter(Boolean).join(' ') : description,
    software: info.isFallbackAdapter || /swiftshader|llvmpipe|lavapipe|warp/i.test(`${architecture} ${description}`),
    features: [...features].sort(),
    maxBufferBytes: limits.maxBufferSize,
    maxBindingBytes: limits.maxStorageBufferBindingSize,
    workgroupStorageBytes: limits.maxComputeWorkgroupStorageSize,
    maxWorkgroupThreads: limits.maxComputeInvocationsPerWorkgroup,
    packedDot: gpu.wgslLanguageFeatures.has('packed_4x8_integer_dot_product'),
    f16: features.has('shader-f16'),
  };
}
