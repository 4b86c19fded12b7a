// The images that the models of ../shared/models know, as their inputs.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { tensorOf } from '@cutpoint/core';

const mean = [0.485, 0.456, 0.406];
const deviation = [0.229, 0.224, 0.225];
export const imagenetScale = { mean, deviation };
export const unitScale = { mean: [0, 0, 0], deviation: [1, 1, 1] };

/** The JPEGs of a folder with labels.csv: short side to 256, centre 224 x 224. */
export async function jpegFolder(folder, { mean, deviation }) {
  const { default: sharp } = await import('sharp');
  const rows = readFileSync(join(folder, 'labels.csv'), 'utf8')
    .trim()
    .split('\n')
    .slice(1)
    .map((row) => row.split(','));
  return {
    labels: rows.map(([, label]) => Number(label)),
    async input(i) {
      const image = sharp(join(folder, rows[i][0])).removeAlpha().toColourspace('srgb');
      const { width, height } = await image.metadata();
      const scale = 256 / Math.min(width, height);
      const [w, h] = [width, height].map((side) => Math.round(side * scale));
      const { data } = await image
        .resize(w, h, { fit: 'fill', kernel: 'linear' })
        .extract({ left: (w - 224) >> 1, top: (h - 224) >> 1, width: 224, height: 224 })
        .raw()
        .toBuffer({ resolveWithObject: true });
      return planes(data, 224, mean, deviation);
    },
  };
}

/** The CIFAR-10 images, in an order that is the same at every run but mixes the classes. */
export function cifar(folder, { mean, deviation }) {
  const pixels = readFileSync(join(folder, 'cifar10_1000_nhwc_u8.bin'));
  const labels = readFileSync(join(folder, 'cifar10_1000_labels_u8.bin'));
  const order = shuffled(labels.length);
  return {
    labels: order.map((i) => labels[i]),
    input: (i) => planes(pixels.subarray(order[i] * 3072, (order[i] + 1) * 3072), 32, mean, deviation),
  };
}

function planes(pixels, side, mean, deviation) {
  const values = new Float32Array(3 * side * side);
  for (let c = 0; c < 3; c++) {
    for (let p = 0; p < side * side; p++) {
      values[c * side * side + p] = (pixels[p * 3 + c] / 255 - mean[c]) / deviation[c];
    }
  }
  return tensorOf('f32', [1, 3, side, side], values);
}

function shuffled(count) {
  const order = Array.from({ length: count }, (_, i) => i);
  let state = 1;
  for (let i = count - 1; i > 0; i--) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    const j = Math.floor((state / 2 ** 32) * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}
