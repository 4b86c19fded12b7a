export { type CancelSignal, CancelSource, cancelReason, onCancel, throwIfCancelled } from './cancel.js';
export { bytesPerElement, type DType, isDType } from './dtype.js';
export { asCutpointError, CutpointError, type ErrorCode, errorCodes, isErrorCode, messageOf } from './errors.js';
export { bfloat16ToNumber, halfToNumber } from './float16.js';
export { median, quantile } from './statistics.js';
export { systemReason } from './system-reason.js';
export {
  type AnyTypedArray,
  byteLength,
  describeType,
  elementCount,
  f32Values,
  type NamedTensors,
  type Tensor,
  type TensorSpec,
  type TypedArrayOf,
  tensorOf,
  valuesOf,
} from './tensor.js';
