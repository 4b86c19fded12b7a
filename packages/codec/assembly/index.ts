export { adaptiveBytes } from './adaptive';
export { affineEncode, packRows, restoreColumns, restoreRows, unpackRows } from './affine';
export { fromBfloats, toBfloats } from './bfloat';
export { takeStripes } from './checksum';
export {
  affineColumns,
  beginColumns,
  columnsAreNarrow,
  measureColumns,
  quantiseColumns,
} from './columns';
export { fromHalves, toHalves } from './half';
export { decodeLearning, encodeLearning, learningBytes } from './learnt';
export { finishOps } from './rans';
export { readTables, writeTables } from './sent-table';
export { countCells, findCells } from './symbol-cells';
export { decodeSymbols, encodeCells } from './symbols';
export { areNarrow, encodeRows, measureRows, takeOutliers } from './tabq';
export { tabqColumns } from './tabq-columns';
export { measureTabqColumns } from './tabq-ranges';
export { tailBin } from './tail';
export { decodeCoefficients, encodeCoefficients } from './transform/coefficients';
export { multiply, multiplyMaps } from './transform/products';
export { addMeans, fromSteps, toSteps } from './transform/steps';
export { transposeBytes, transposeNumbers } from './transpose';
