import { CutpointError } from '@cutpoint/core';
import { readJson } from '@cutpoint/daemon';
import { manifestHash, type PackageManifest, weightSizes } from '@cutpoint/llm';
import { type LlmCalibration, parseLlmCalibration } from '@cutpoint/plan';

/** A calibration, and which of its widths a package has. */
export interface OwnCalibration {
  readonly calibration: LlmCalibration;
  readonly width: string;
}

/** A calibration of a package. @throws CutpointError CUT_CALIBRATION if it was measured with another; as `readJson`. */
export async function readOwnCalibration(
  path: string,
  folder: string,
  manifest: PackageManifest,
): Promise<OwnCalibration> {
  const calibration = parseLlmCalibration(await readJson(path), path);
  const { model } = calibration;
  const own = String(Object.values(weightSizes([{ width: 'own', manifest }]).layerBytes)[0]);
  const width = Object.entries(model.layerBytes).find(([, bytes]) => String(bytes) === own)?.[0];
  if ((await manifestHash(folder)) === model.hash && width !== undefined) return { calibration, width };
  const message = `${path} was not measured with ${folder} but with another package of "${model.name}": calibrate this one.`;
  throw new CutpointError('CUT_CALIBRATION', message);
}
