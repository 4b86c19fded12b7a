export { affineEncode, packRows, restoreColumns, restoreRows, unpackRows } from './affine';
export { fromBfloats, toBfloats } from './bfloat';
export { takeStripes } from './checksum';
export { fromHalves, toHalves } from './half';
export { countSymbols, decodeSymbols, encodeSymbols } from './symbols';
export { areNarrow, encodeRows, measureRows, takeOutliers } from './tabq';
export { tailBin } from './tail';
export { transposeBytes, transposeNumbers } from './transpose';
