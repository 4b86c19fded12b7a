export { type Calibrated, type CalibrateOptions, calibrate, defaultCodecs } from './calibrate.js';
export type { Purpose } from './data/choose-rows.js';
export type { DataSet, Sample } from './data/data-set.js';
export { type DataSetOptions, openDataSet } from './data/open-data-set.js';
export { type EvaluateOptions, type Evaluation, evaluate } from './evaluate.js';
export type { PictureSize } from './image/pixels.js';
export { sharpCoder } from './image/sharp-coder.js';
export type { Measurement } from './measure/tally.js';
