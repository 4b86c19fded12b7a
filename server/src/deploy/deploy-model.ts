import type { TransformTables } from '@cutpoint/codec';
import type { ContentStore, Generation } from '@cutpoint/control';
import type { CancelSignal } from '@cutpoint/core';
import type { CutModel } from '@cutpoint/runtime';
import { assignmentsOf, type Deployed, splitsOf } from './assignments.js';
import type { Deployer } from './deployer.js';
import { type PackageOptions, packageModel } from './package-model.js';

export interface DeployModelOptions extends Pick<PackageOptions, 'memoryBytes' | 'scratch'> {
  readonly deployer: Deployer;
  readonly content: ContentStore;
  /** Tables of codecs; those that a ladder names go to the devices that need them. */
  readonly tables?: TransformTables;
  readonly signal?: CancelSignal;
}

/**
 * Cuts a model as the ladders want it, puts what devices need where they fetch it, and has the fleet get ready for it.
 * Returns once that has begun; `Deployer.settled` waits for how it ends.
 * @throws CutpointError CUT_DEPLOYMENT while another is under way, or if ladders do not fit together; CUT_ILLEGAL_CUT,
 * CUT_CODEC_TABLE, CUT_DISK_FULL, CUT_FILE_WRITE, CUT_CANCELLED.
 */
export async function deployModel(
  model: CutModel,
  deployed: Deployed,
  options: DeployModelOptions,
): Promise<Generation> {
  const { deployer, content, ...rest } = options;
  using packaged = await packageModel(model, { ...rest, store: content, splits: splitsOf(deployed.ladders) });
  return await deployer.deploy(deployed.deployment, assignmentsOf(packaged, deployed));
}
