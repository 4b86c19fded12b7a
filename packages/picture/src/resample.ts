import type { Picture } from './picture.js';

/** How pixels are interpolated. */
export type ResampleKernel = 'nearest' | 'linear' | 'cubic' | 'lanczos3';

interface Shape {
  /** Pixels to each side that count when nothing is made smaller. */
  readonly reach: number;
  weight(distance: number): number;
}

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

/** `cubic` is that of Catmull and Rom. */
const shapes: Readonly<Record<Exclude<ResampleKernel, 'nearest'>, Shape>> = {
  linear: { reach: 1, weight: (x) => Math.max(0, 1 - x) },
  cubic: {
    reach: 2,
    weight: (x) => (x < 1 ? (1.5 * x - 2.5) * x * x + 1 : x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0),
  },
  lanczos3: { reach: 3, weight: (x) => (x < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

/** What a pixel of the result is made of along one side. */
interface Tap {
  readonly first: number;
  readonly weights: Float64Array;
}

/**
 * A picture in another size. What is made smaller is averaged over all pixels it covers (the kernel grows with the factor), as
 * libvips does it; the border is repeated outwards.
 */
export function resample(picture: Picture, width: number, height: number, kernel: ResampleKernel): Picture {
  const { channels } = picture;
  if (width === picture.width && height === picture.height) return picture;
  const columns = tapsOf(picture.width, width, kernel);
  const rows = tapsOf(picture.height, height, kernel);
  const wide = acrossRows(picture, columns);
  const data = new Uint8Array(width * height * channels);
  const rowLength = width * channels;
  for (const [y, { first, weights }] of rows.entries()) {
    for (let i = 0; i < rowLength; i++) {
      let sum = 0;
      for (let tap = 0; tap < weights.length; tap++) {
        sum += (wide[clamp(first + tap, picture.height) * rowLength + i] ?? 0) * (weights[tap] ?? 0);
      }
      data[y * rowLength + i] = Math.min(255, Math.max(0, Math.round(sum)));
    }
  }
  return { width, height, channels, data };
}

/** Every row in its new width. */
function acrossRows({ width, height, channels, data }: Picture, columns: readonly Tap[]): Float32Array {
  const wide = new Float32Array(columns.length * height * channels);
  let at = 0;
  for (let y = 0; y < height; y++) {
    for (const { first, weights } of columns) {
      for (let channel = 0; channel < channels; channel++) {
        let sum = 0;
        for (let tap = 0; tap < weights.length; tap++) {
          sum += (data[(y * width + clamp(first + tap, width)) * channels + channel] ?? 0) * (weights[tap] ?? 0);
        }
        wide[at++] = sum;
      }
    }
  }
  return wide;
}

function tapsOf(from: number, to: number, kernel: ResampleKernel): Tap[] {
  const factor = from / to;
  return Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * factor - 0.5;
    if (kernel === 'nearest') return { first: Math.floor((i + 0.5) * factor), weights: Float64Array.of(1) };
    const { reach, weight } = shapes[kernel];
    const stretch = Math.max(1, factor);
    const first = Math.ceil(centre - reach * stretch);
    const last = Math.floor(centre + reach * stretch);
    const weights = Float64Array.from({ length: last - first + 1 }, (_, tap) =>
      weight(Math.abs(first + tap - centre) / stretch),
    );
    const sum = weights.reduce((total, one) => total + one, 0);
    return { first, weights: weights.map((one) => one / sum) };
  });
}

function clamp(index: number, length: number): number {
  return Math.min(Math.max(index, 0), length - 1);
}
