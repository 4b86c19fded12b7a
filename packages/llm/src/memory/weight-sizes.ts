import type { LlmCalibration } from '@cutpoint/plan';
import type { PackageManifest } from '../package/package-manifest.js';
import { memoryOfPart } from './held-bytes.js';

/** Beside the head, to choose a token: bytes for each of the vocabulary. Measured: 20 to 28 MB of 49,152. */
export const choiceBytes = 490;

/** A package by the name of its width. */
interface Width {
  readonly width: string;
  readonly manifest: PackageManifest;
}

/** What weights take in memory, by width. */
export function weightSizes(
  widths: readonly Width[],
): Pick<LlmCalibration['model'], 'layerBytes' | 'headBytes' | 'loadBytes'> {
  const sizes = widths.map(({ width, manifest }) => {
    const layers = manifest.layers.map(memoryOfPart);
    const head = memoryOfPart(manifest.head);
    return {
      width,
      layerBytes: layers.map(({ heldBytes }) => heldBytes),
      headBytes: head.heldBytes + choiceBytes * manifest.config.vocabularySize,
      loadBytes: { layers: Math.max(0, ...layers.map(({ loadBytes }) => loadBytes)), head: head.loadBytes },
    };
  });
  return {
    layerBytes: Object.fromEntries(sizes.map(({ width, layerBytes }) => [width, layerBytes])),
    headBytes: Object.fromEntries(sizes.map(({ width, headBytes }) => [width, headBytes])),
    loadBytes: Object.fromEntries(sizes.map(({ width, loadBytes }) => [width, loadBytes])),
  };
}
