import { decodeFixed, encodeFixed } from '../entropy/fixed.js';
import { decodeLearning, encodeLearning } from '../entropy/learnt.js';
import { plainTransform } from '../transform/plain.js';
import { affineEncode, decodeSteps } from './affine.js';
import { fromBfloats, toBfloats } from './bfloat.js';
import { checksum } from './checksum.js';
import { fromHalves, toHalves } from './half.js';
import type { Kernels } from './kernels.js';
import { tabqEncode } from './tabq.js';

/** The kernels in plain TypeScript: they define what all others compute. */
export const typescriptKernels: Kernels = {
  name: 'typescript',
  toHalves,
  fromHalves,
  toBfloats,
  fromBfloats,
  affineEncode,
  tabqEncode,
  decodeSteps,
  encodeFixed,
  decodeFixed,
  encodeLearning,
  decodeLearning,
  checksum,
  openTransform: plainTransform,
};
