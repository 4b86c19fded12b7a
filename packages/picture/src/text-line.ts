import { CutpointError, type Tensor, tensorOf } from '@cutpoint/core';
import type { Picture } from './picture.js';

/** Height in pixels that the recogniser was trained on. */
const height = 48;
/** Narrower pictures are padded to this width with the value 0 (mid grey), as in training. */
const minWidth = 320;
/** About 200 characters; attention over the width makes the work grow with its square. */
const maxWidth = 3200;

/**
 * Makes the recogniser's input f32[1, 3, 48, width] of a picture as PaddleOCR does: scaled to 48 pixels of height with
 * the proportions kept (bilinear), channels in the order blue, green, red, values from -1 to 1, padded to 320 of width.
 * Source: `resize_norm_img` of PaddleOCR's tools/infer/predict_rec.py.
 * @throws CutpointError CUT_INPUT if the scaled picture would be wider than 3,200 pixels.
 */
export function textLineInput(picture: Picture): Tensor {
  const scaledWidth = Math.ceil((height * picture.width) / picture.height);
  if (scaledWidth > maxWidth) {
    throw new CutpointError(
      'CUT_INPUT',
      `The picture is ${picture.width} x ${picture.height}: too wide for one line, at most ${maxWidth / height} times its height.`,
    );
  }
  const width = Math.max(minWidth, scaledWidth);
  const values = new Float32Array(3 * height * width);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < scaledWidth; x++) {
      for (let channel = 0; channel < 3; channel++) {
        const byte = sample(
          picture,
          ((x + 0.5) * picture.width) / scaledWidth,
          ((y + 0.5) * picture.height) / height,
          2 - channel,
        );
        values[(channel * height + y) * width + x] = (byte / 255 - 0.5) / 0.5;
      }
    }
  }
  return tensorOf('f32', [1, 3, height, width], values);
}

/** Bilinear value of one colour at a point, where pixel i covers i to i + 1; the border is repeated outwards. */
function sample(picture: Picture, x: number, y: number, colour: number): number {
  const left = Math.floor(x - 0.5);
  const top = Math.floor(y - 0.5);
  const right = x - 0.5 - left;
  const down = y - 0.5 - top;
  const at = (dx: number, dy: number) => {
    const column = Math.min(Math.max(left + dx, 0), picture.width - 1);
    const row = Math.min(Math.max(top + dy, 0), picture.height - 1);
    return picture.data[(row * picture.width + column) * 3 + colour] ?? 0;
  };
  return (at(0, 0) * (1 - right) + at(1, 0) * right) * (1 - down) + (at(0, 1) * (1 - right) + at(1, 1) * right) * down;
}
