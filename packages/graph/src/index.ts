export { type CrossingTensor, type Cut, type CutList, listCuts } from './cuts.js';
export { dataTypeOf, dtypeOf } from './element-types.js';
export { computedValues, exposeShapes, exposeValues } from './expose.js';
export { cutAt, type ExtractedSegment, extractSegments } from './extract.js';
export { type Graph, type GraphNode, indexGraph, nodeLabel } from './graph.js';
export { isDefaultDomain, type Model, maxModelBytes, parseModel, serialiseModel } from './model.js';
export * as onnx from './onnx_pb.js';
export { type ShapeTable, type TensorType, type ValueType, valueBytes } from './shapes.js';
export { type ExternalRange, externalRange, isExternal, weightBytes, weightTensors } from './weights.js';
