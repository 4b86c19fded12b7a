import { isImageSpec } from '@cutpoint/codec';
import { CutpointError } from '@cutpoint/core';
import { codecSpec } from '@cutpoint/daemon';

/** @throws CutpointError CUT_DEPLOYMENT for codecs that daemons cannot use at a cut */
export function checkCodecs(codecs: readonly string[]): void {
  if (codecs.some(isImageSpec)) {
    throw new CutpointError('CUT_DEPLOYMENT', 'Daemons code no pictures yet: pick a plan without image codecs.');
  }
  for (const codec of codecs) {
    const { error } = codecSpec.safeParse(codec);
    if (error !== undefined)
      throw new CutpointError('CUT_DEPLOYMENT', `"${codec}" is none of the ${error.issues[0]?.message}.`);
  }
}
