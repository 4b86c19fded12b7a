/// <reference types="@webgpu/types" preserve="true" />

export type { ElementsOnGpu } from './codec/elements-on-gpu.js';
export {
  type CodecWay,
  type DecodedOnGpu,
  type EncodedOnGpu,
  type GpuCodec,
  openGpuCodec,
} from './codec/gpu-codec.js';
export { type BatchPass, ContinuousBatch, type PassResult } from './decoder/continuous-batch.js';
export type { DecoderCodes } from './decoder/decoder-codes.js';
export type { GpuDecoderConfig } from './decoder/decoder-config.js';
export type { GpuDecoderOptions, GpuRange } from './decoder/decoder-parts.js';
export type { DecoderWeights, LayerWeights, MatrixBytes, MatrixForm } from './decoder/decoder-weights.js';
export type { Draw } from './decoder/draw.js';
export { GpuDecoder } from './decoder/gpu-decoder.js';
export type { CodeWidths } from './decoder/gpu-layer.js';
export { rowProductCost } from './decoder/gpu-matrix.js';
export type { RowInput, StateOnGpu, StepResult, StepRow } from './decoder/step-row.js';
export { findGpu } from './device/find-gpu.js';
export { Gpu, type GpuTraffic } from './device/gpu.js';
export type { GpuInfo } from './device/gpu-info.js';
export type { BoundKernel, Dispatch, Kernel, KernelSource } from './device/kernel.js';
export { gpuOnDevice, type OpenGpuOptions, openGpu } from './device/open-gpu.js';
export type { OutputKind } from './matmul/integer-parts.js';
export {
  costOf,
  type GpuOperand,
  type IntegerProduct,
  integerProduct,
  type KernelChoice,
  uploadOperand,
} from './matmul/integer-product.js';
export type { ProductCost } from './matmul/product-cost.js';
export { type BitWidth, bitWidths, type CodeMatrix } from './matrix/code-matrix.js';
export { floatGroupColumns } from './matrix/codes-of.js';
export { type PackedOperand, packOperand, type Side } from './matrix/pack-operand.js';
export { type ProductScheme, schemesFor } from './matrix/product-scheme.js';
export { candidatesFor, knownDivisions } from './tune/candidates.js';
export { type ProductShape, schemeNamed } from './tune/product-shape.js';
export { timeFloatProduct } from './tune/time-float-product.js';
export { type TimedChoice, type TuneOptions, tuneProduct } from './tune/tune-product.js';
export { bestOfSchemes, type TunedProduct } from './tune/tuned-product.js';
