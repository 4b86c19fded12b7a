export { tabqOptions } from './bodies/tabq.js';
export { ByteReader, ByteWriter } from './bytes.js';
export type { Codec, CodecStream, DecodeLimits, ErrorBound } from './codec.js';
export { checkCrossing, codecOfCrossing, decodeCrossing, encodeCrossing } from './crossing.js';
export { openStream } from './delta-stream.js';
export { frequenciesOf, StaticTable } from './entropy/table.js';
export type { FloatTensorType } from './floats.js';
export { type GroupingName, groupingOf } from './grouping.js';
export { decodePixels, encodePixels, isPicture } from './image/image-codec.js';
export {
  type ImageCoder,
  type ImageFormat,
  type ImageQuality,
  imageFormats,
  type Picture,
} from './image/image-coder.js';
export { isImageSpec, parseImageSpec, printImageSpec } from './image/image-spec.js';
export type {
  CodeForm,
  Grouping,
  Kernels,
  Outliers,
  Steps,
  TabqOptions,
} from './kernels/kernels.js';
export { loadKernels, openKernels } from './kernels/load-kernels.js';
export { typescriptKernels } from './kernels/typescript.js';
export type {
  ElementFormat,
  OpenedPayload,
  PartPlaces,
  Parts,
  PartsCodec,
  PartsSettings,
  TabqSettings,
} from './parts.js';
export { type CodecResources, openCodec } from './registry.js';
export { type CodecSpec, maxSpecLength, parseSpec, printSpec, type SpecPart, splitSpecs } from './spec/spec.js';
export { type BaseName, bases, type FilterName, filters } from './spec/vocabulary.js';
export { type CalibrationOptions, calibrateTransform, type Sample } from './transform/calibrate.js';
export { transformCodec, transformCodecs } from './transform/codec.js';
export type { Geometry, TransformTable } from './transform/table.js';
export { parseTransformTable, printTransformTable } from './transform/table-file.js';
export {
  isTableName,
  requireFit,
  requireTable,
  type TableCut,
  type TransformTables,
  tableNamed,
  transformTableName,
} from './transform/tables.js';
