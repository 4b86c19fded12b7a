import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildModel, externalWeight, node, serialiseModel, tensorValue } from '@cutpoint/graph';

/**
 * Writes `model.onnx` and `weights.bin` into a folder: dense layers whose weights are all external. The weights are
 * written layer by layer, so that the file may be larger than memory; `sparseFile` leaves them zero and takes no space.
 * @returns the path of the model.
 */
export async function writeExternalModel(
  folder: string,
  { layers, width, sparseFile = false }: { layers: number; width: number; sparseFile?: boolean },
): Promise<string> {
  const layerBytes = width * width * 4;
  const names = Array.from({ length: layers }, (_, i) => i);
  const model = buildModel({
    opset: 17,
    inputs: [tensorValue('x', 'f32', ['N', width])],
    outputs: [tensorValue(`h${layers}`, 'f32', ['N', width])],
    initializers: names.map((i) =>
      externalWeight(`w${i}`, 'f32', [width, width], { location: 'weights.bin', offset: i * layerBytes }),
    ),
    nodes: names.flatMap((i) => [
      node('MatMul', [`h${i}`, `w${i}`], [`m${i}`], {}, { name: `dense${i}` }),
      node('Tanh', [`m${i}`], [`h${i + 1}`], {}, { name: `tanh${i}` }),
    ]),
  });
  const first = model.graph.node[0];
  if (first !== undefined) first.input[0] = 'x';
  await using file = await open(join(folder, 'weights.bin'), 'w');
  await file.truncate(layers * layerBytes);
  for (const i of sparseFile ? [] : names) await file.write(layerWeights(i, width), 0, layerBytes, i * layerBytes);
  const path = join(folder, 'model.onnx');
  await writeFile(path, serialiseModel(model));
  return path;
}

function layerWeights(layer: number, width: number): Buffer {
  const values = Float32Array.from(
    { length: width * width },
    (_, i) => Math.sin(i * 12.9898 + layer) / Math.sqrt(width),
  );
  return Buffer.from(values.buffer);
}
