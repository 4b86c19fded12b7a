import { decodeLearning, encodeLearning } from '../entropy/learnt.js';
import { readTables, writeTables } from '../entropy/sent-table.js';
import { plainTransform } from '../transform/plain.js';
import { affineEncode, decodeSteps } from './affine.js';
import { fromBfloats, toBfloats } from './bfloat.js';
import { checksum } from './checksum.js';
import { fromHalves, toHalves } from './half.js';
import type { Kernels } from './kernels.js';
import { countSymbols, decodeSymbols, encodeSymbols } from './symbols.js';
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
  countSymbols,
  encodeSymbols,
  decodeSymbols,
  writeTables,
  readTables,
  encodeLearning,
  decodeLearning,
  checksum,
  openTransform: plainTransform,
};
