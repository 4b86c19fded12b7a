import type { LlmCalibration } from '@cutpoint/plan';
import type { PackageManifest } from '../package/package-manifest.js';
import { memoryOfPart } from './held-bytes.js';

/** A package by the name of its width. */
interface Width {
  readonly width: string;
  readonly manifest: PackageManifest;
}

/** What the weights of a package take in memory, in bytes. */
interface WeightSizes {
  readonly layerBytes: readonly number[];
  readonly headBytes: number;
  /** Beside them while they are read. */
  readonly loadBytes: { readonly layers: number; readonly head: number };
}

/** What weights take in memory, by width. */
export function weightSizes(
  widths: readonly Width[],
): Pick<LlmCalibration['model'], 'layerBytes' | 'headBytes' | 'loadBytes'> {
  const sizes = widths.map(({ width, manifest }) => ({ width, ...weightSizesOf(manifest) }));
  return {
    layerBytes: Object.fromEntries(sizes.map(({ width, layerBytes }) => [width, [...layerBytes]])),
    headBytes: Object.fromEntries(sizes.map(({ width, headBytes }) => [width, headBytes])),
    loadBytes: Object.fromEntries(sizes.map(({ width, loadBytes }) => [width, loadBytes])),
  };
}

/** What the weights of one package take in memory. */
export function weightSizesOf(manifest: PackageManifest): WeightSizes {
  const layers = manifest.layers.map(memoryOfPart);
  const head = memoryOfPart(manifest.head);
  return {
    layerBytes: layers.map(({ heldBytes }) => heldBytes),
    headBytes: head.heldBytes,
    loadBytes: { layers: Math.max(0, ...layers.map(({ loadBytes }) => loadBytes)), head: head.loadBytes },
  };
}
