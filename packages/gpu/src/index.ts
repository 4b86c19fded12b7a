/// <reference types="@webgpu/types" preserve="true" />
export { type BatchPass, ContinuousBatch, type PassResult } from './decoder/continuous-batch.js';
export type { GpuDecoderConfig } from './decoder/decoder-config.js';
export type { DecoderWeights, LayerWeights, MatrixBytes, MatrixForm } from './decoder/decoder-weights.js';
export { GpuDecoder, type GpuDecoderOptions, type StepResult, type StepRow } from './decoder/gpu-decoder.js';
export type { CodeWidths } from './decoder/gpu-layer.js';
export { findGpu } from './device/find-gpu.js';
export { Gpu } from './device/gpu.js';
export type { GpuInfo } from './device/gpu-info.js';
export type { BoundKernel, Dispatch, Kernel, KernelSource } from './device/kernel.js';
export { openGpu } from './device/open-gpu.js';
export type { OutputKind } from './matmul/integer-parts.js';
export {
  type GpuOperand,
  type IntegerProduct,
  integerProduct,
  type KernelChoice,
  uploadOperand,
} from './matmul/integer-product.js';
export { type BitWidth, bitWidths, type CodeMatrix } from './matrix/code-matrix.js';
export { type PackedOperand, packOperand, type Side } from './matrix/pack-operand.js';
export { type ProductScheme, schemesFor } from './matrix/product-scheme.js';
