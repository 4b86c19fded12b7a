export { affineEncode, packRows, restoreColumns, restoreRows, unpackRows } from './affine';
export { fromBfloats, toBfloats } from './bfloat';
export { takeStripes } from './checksum';
export { fromHalves, toHalves } from './half';
export { outlierCount, tabqEncode, takeOutliers } from './tabq';
export { countMagnitudes } from './tail';
export { transposeBytes, transposeNumbers } from './transpose';
