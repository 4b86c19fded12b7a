export { classesOf, decodeCtc, type Reading } from './ctc.js';
export { coverOf, fitPicture, type PictureFit } from './fit.js';
export { cropMiddle, type Picture } from './picture.js';
export { pixelTensor } from './pixel-tensor.js';
export { type ResampleKernel, resample } from './resample.js';
export { textLineInput } from './text-line.js';
export { type LikelyClass, topClasses } from './top-classes.js';
