import { CutpointError, messageOf } from '@cutpoint/core';
import { type Calibration, parseCalibration } from '@cutpoint/plan';
import { readLimited } from './read-limited.js';

const maxBytes = 64_000_000;

/** Reads a file that `cutpoint calibrate` wrote. @throws CutpointError CUT_FILE_NOT_FOUND, CUT_CALIBRATION */
export async function readCalibration(path: string): Promise<Calibration> {
  const text = await readLimited(path, 'The calibration', maxBytes);
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (cause) {
    throw new CutpointError('CUT_CALIBRATION', `The calibration ${path} is not JSON: ${messageOf(cause)}.`, { cause });
  }
  return parseCalibration(data, `The calibration ${path}`);
}
