// The door that asks nothing of Node: what the runtime's errors and types mean, in a browser as well.
export { randomInputs } from './model/random-inputs.js';
export { parseSegmentsFile, type SegmentsFile } from './model/segments-schema.js';
export { loadError, runError } from './segment/ort-errors.js';
export { dtypeOfOrt, ortOfDtype } from './segment/ort-types.js';
