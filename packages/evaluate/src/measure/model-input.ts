import type { Picture } from '@cutpoint/codec';
import { CutpointError, type NamedTensors } from '@cutpoint/core';
import { type PictureFit, pixelTensor } from '@cutpoint/picture';
import type { CutModel } from '@cutpoint/runtime';
import type { PictureSize } from '../image/pixels.js';

/** How pictures are given to a model. */
export interface PixelInput {
  readonly size: PictureSize;
  readonly fit: PictureFit;
  inputs(picture: Picture): NamedTensors;
}

/**
 * The input of pixels of a model with a declared preprocessing.
 * @throws CutpointError CUT_PREPROCESSING if none is declared, or the model has other inputs or takes several pictures.
 */
export function pixelInput(model: CutModel): PixelInput {
  const { preprocessing, pictureFit, name: modelName } = model.file;
  if (preprocessing === undefined || pictureFit === undefined) {
    const file = modelName.replace(/\.onnx$/i, '').concat('.preprocessing.json');
    const message = `Nothing says how pictures become the input of ${modelName}: write ${file} beside it, or name one with --preprocessing (docs/guides/cutting.md).`;
    throw new CutpointError('CUT_PREPROCESSING', message);
  }
  const [first] = model.list.cuts;
  const [tensor, ...others] = first?.tensors ?? [];
  if (tensor?.name !== preprocessing.pixels || others.length > 0) {
    throw unfit(modelName, 'it takes more than one picture');
  }
  const { name, shape } = tensor;
  const [batch, ...rest] = shape;
  const [height = 0, width = 0, channels] =
    preprocessing.layout === 'nhwc' ? rest : [rest[1] ?? 0, rest[2] ?? 0, rest[0] ?? 0];
  if (batch !== 1) throw unfit(modelName, `it takes ${batch} pictures at once; export it for one`);
  if (channels !== 1 && channels !== 3)
    throw unfit(modelName, `it takes ${channels} channels, and pictures have 1 or 3`);
  return {
    size: { width, height, channels },
    fit: pictureFit,
    inputs: (picture) => new Map([[name, pixelTensor(picture, preprocessing.layout)]]),
  };
}

function unfit(model: string, why: string): CutpointError {
  return new CutpointError('CUT_PREPROCESSING', `Pictures cannot be given to ${model}: ${why}.`);
}
