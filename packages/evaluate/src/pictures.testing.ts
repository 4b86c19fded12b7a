import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { attribute, buildModel, node, serialiseModel, tensorValue, weight } from '@cutpoint/graph';
import sharp from 'sharp';

/** A model that tells red, green and blue pictures of 8 x 8 apart, with a cut where 3 x 8 x 8 floats cross. */
const colours = buildModel({
  inputs: [tensorValue('x', 'f32', [1, 3, 8, 8])],
  outputs: [tensorValue('y', 'f32', [1, 3, 1, 1])],
  nodes: [
    node('Conv', ['x', 'w'], ['a'], { kernel_shape: attribute.ints([1, 1]) }),
    node('Relu', ['a'], ['b']),
    node('GlobalAveragePool', ['b'], ['y']),
  ],
  initializers: [weight('w', 'f32', [3, 3, 1, 1], Float32Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1))],
});

/** Writes the model and its preprocessing into a folder; returns its path. */
export async function writeColourModel(folder: string): Promise<string> {
  const path = join(folder, 'colours.onnx');
  await writeFile(path, serialiseModel(colours));
  await writeFile(join(folder, 'colours.preprocessing.json'), JSON.stringify({ input: 'x', scale: 1 / 255 }));
  return path;
}

/** A picture that is mostly of one colour (0 red, 1 green, 2 blue), with some noise that differs by `seed`. */
export function colourPixels(colour: number, seed: number, width = 8, height = 8): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: width * height * 3 }, (_, i) => {
    const noise = (Math.imul(i + 1, 2_654_435_761) + Math.imul(seed + 1, 40_503)) >>> 24;
    return (i % 3 === colour ? 120 : 60) + (noise % 60);
  });
}

export async function writePicture(path: string, pixels: Uint8Array, width = 8, height = 8): Promise<void> {
  await sharp(pixels, { raw: { width, height, channels: 3 } }).toFile(path);
}

/** A folder of pictures of the three colours in turn, with their labels. */
export async function writePictureFolder(folder: string, count: number): Promise<void> {
  const lines = ['file,class_index,name'];
  for (let i = 0; i < count; i++) {
    const name = `${String(i).padStart(3, '0')}.png`;
    await writePicture(join(folder, name), colourPixels(i % 3, i));
    lines.push(`${name},${i % 3},"colour ""${i % 3}"", say"`);
  }
  await writeFile(join(folder, 'labels.csv'), `${lines.join('\r\n')}\r\n`);
}
