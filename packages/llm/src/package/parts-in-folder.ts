import { join } from 'node:path';
import { openSource } from '../checkpoint/source-file.js';
import type { OpenPart } from './part-source.js';

/** The files of a package in a folder. They throw CUT_FILE_NOT_FOUND, and CUT_CHECKPOINT where one is too short. */
export function partsIn(folder: string): OpenPart {
  return ({ path }) => openSource(join(folder, path));
}
