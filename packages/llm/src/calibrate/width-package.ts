import { CutpointError } from '@cutpoint/core';
import { requireSameModel } from '../evaluate/evaluate-cut.js';
import type { Package } from '../package/read-package.js';
import { widthOfLayers } from '../package/width-of-layers.js';

/** A package by the name of its width. */
export interface WidthPackage extends Package {
  /** What plans call it: `4`, `8`, `f16`, `2-8` where layers differ; `-2`, `-3` behind it where that is taken. */
  readonly width: string;
}

/** Names packages of one model by the widths of their layers. @throws CutpointError CUT_PACKAGE if they are of different models. */
export function widthsOf(packages: readonly Package[]): readonly WidthPackage[] {
  const [first] = packages;
  if (first === undefined) throw new CutpointError('CUT_USAGE', 'A calibration needs a package.');
  const named: WidthPackage[] = [];
  for (const one of packages) {
    requireSameModel(first, one);
    const width = widthOf(one);
    const same = named.filter((other) => widthOf(other) === width).length;
    named.push({ ...one, width: same === 0 ? width : `${width}-${same + 1}` });
  }
  return named;
}

function widthOf({ manifest }: Package): string {
  return widthOfLayers(manifest.layers);
}
