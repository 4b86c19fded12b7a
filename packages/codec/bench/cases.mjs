// The cuts that are measured: model, images, and which of them calibrate.
import { fileURLToPath } from 'node:url';
import { activationsOf } from './activations.mjs';
import { cifar, imagenetScale, jpegFolder, unitScale } from './images.mjs';

export const shared = fileURLToPath(new URL('../../../../shared/models', import.meta.url));
const everyFourth = (i) => i % 4 === 0;

const sets = {
  mobilenet: {
    model: `${shared}/vision/mobilenet_v2_f32.onnx`,
    cuts: [26, 42, 48, 72, 100, 116],
    count: 400,
    images: () => jpegFolder(`${shared}/data/imagenet_400`, imagenetScale),
    labelled: true,
  },
  resnet: {
    model: `${shared}/vision/resnet56_cifar10.onnx`,
    cuts: [140],
    count: 1000,
    images: () => cifar(`${shared}/data`, imagenetScale),
    labelled: true,
  },
  darknet: {
    model: `${shared}/vision/tiny_darknet.onnx`,
    cuts: [43],
    count: 400,
    images: () => jpegFolder(`${shared}/data/imagenet_400`, unitScale),
    labelled: false,
  },
};

/** Activations of a set of cases, split into calibration (every 4th image) and evaluation. */
export async function loadSet(name) {
  const set = sets[name];
  const images = await set.images();
  const { modelHash, cuts, answers } = await activationsOf({ ...set, key: 'linear-1', inputs: images.input });
  const indices = Array.from({ length: set.count }, (_, i) => i);
  return {
    ...set,
    modelHash,
    cuts,
    answers,
    labels: set.labelled ? images.labels : undefined,
    calibration: indices.filter(everyFourth),
    evaluation: indices.filter((i) => !everyFourth(i)),
  };
}

/** Steps are relative to the root mean square of the activations; targets are of issue and study: bytes, agreement in %. */
export const cases = [
  { name: 'mobilenet-7x7x160', set: 'mobilenet', cut: 116, step: 0.22, targetBytes: 2600, targetAgreement: 96.5 },
  { name: 'mobilenet-14x14x64', set: 'mobilenet', cut: 72, step: 0.315, targetBytes: 5100, targetAgreement: 97 },
  { name: 'mobilenet-28x28x32', set: 'mobilenet', cut: 42, step: 0.32, targetBytes: 10_000, targetAgreement: 97.5 },
  { name: 'resnet56-64x8x8', set: 'resnet', cut: 140, step: 0.66, targetBytes: 1050, targetAgreement: 97 },
  { name: 'darknet-14x14x64b', set: 'darknet', cut: 43, step: 0.225, targetBytes: 5800, targetAgreement: 98.5 },
  { name: 'mobilenet-7x7x160-first', set: 'mobilenet', cut: 100, step: 0.22 },
  { name: 'mobilenet-14x14x64-first', set: 'mobilenet', cut: 48, step: 0.3 },
  { name: 'mobilenet-28x28x32-first', set: 'mobilenet', cut: 26, step: 0.3 },
];
