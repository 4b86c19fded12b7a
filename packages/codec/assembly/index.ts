export { adaptiveBytes } from './adaptive';
export { affineEncode, packRows, restoreColumns, restoreRows, unpackRows } from './affine';
export { fromBfloats, toBfloats } from './bfloat';
export { beginHash, finishHash, takeStripes } from './checksum';
export {
  affineColumns,
  beginColumns,
  columnsAreNarrow,
  measureColumns,
  quantiseColumns,
} from './columns';
export { encodeFixed, putTurns } from './fixed';
export { fromHalves, toHalves } from './half';
export { decodeLearning, encodeLearning, learningBytes } from './learnt';
export { finishOps } from './rans';
export { readTables } from './sent-table';
export { decodeSymbols } from './symbol-decoding';
export { areNarrow, encodeRows, measureRows } from './tabq';
export { tabqColumns } from './tabq-columns';
export { tailBin, takeOutliers } from './tail';
export { decodeCoefficients, encodeCoefficients } from './transform/coefficients';
export { multiplyLarge, multiplyMaps } from './transform/products';
export { addMeans, fromSteps, toSteps } from './transform/steps';
export { transposeBytes, transposeNumbers } from './transpose';
