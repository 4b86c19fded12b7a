import { CutpointError, elementCount, type NamedTensors, tensorOf } from '@cutpoint/core';
import { fitPicture, type Picture, pixelTensor, textLineInput } from '@cutpoint/picture';
import type { Ground } from '../picture/decode-picture.js';
import type { ModelOffer } from './model-offer.js';

/** What the page gives to a model. */
export type InputKind = 'picture' | 'text line' | 'noise';

/** What the model takes: pictures where it is declared how, else numbers without a meaning, which take as long. */
export function inputKindOf({ pictures, answer }: ModelOffer): InputKind {
  if (answer.kind === 'text line') return 'text line';
  return pictures === null ? 'noise' : 'picture';
}

export function groundOf(offer: ModelOffer): Ground {
  return inputKindOf(offer) === 'text line' ? '#fff' : '#000';
}

/** The model's inputs for a picture. @throws CutpointError CUT_INPUT, CUT_PREPROCESSING */
export function inputsOf(offer: ModelOffer, picture: Picture | undefined): NamedTensors {
  const kind = inputKindOf(offer);
  if (kind === 'noise') return noise(offer);
  if (picture === undefined) throw new CutpointError('CUT_INPUT', 'Choose a picture first.');
  const [input, ...others] = offer.inputs;
  if (input === undefined || others.length > 0) {
    throw new CutpointError('CUT_PREPROCESSING', 'A page gives pictures to models with one input only.');
  }
  if (kind === 'text line') return new Map([[input.name, textLineInput(picture)]]);
  const { layout, fit } = offer.pictures ?? { layout: 'nhwc', fit: { kernel: 'linear' } };
  const sides = layout === 'nhwc' ? input.shape.slice(1, 3) : input.shape.slice(2, 4);
  const [height, width] = sides.map((side) => (typeof side === 'number' ? side : undefined));
  const size = { width: width ?? picture.width, height: height ?? picture.height };
  return new Map([[input.name, pixelTensor(fitPicture(picture, size, fit), layout)]]);
}

/** Free dimensions count as 1. */
function noise({ inputs }: ModelOffer): NamedTensors {
  return new Map(
    inputs.map(({ name, dtype, shape }) => {
      if (dtype !== 'f32') {
        throw new CutpointError(
          'CUT_PREPROCESSING',
          `Nothing says how pictures become the input "${name}" of ${dtype}.`,
        );
      }
      const sizes = shape.map((size) => (typeof size === 'number' ? size : 1));
      return [name, tensorOf('f32', sizes, Float32Array.from({ length: elementCount(sizes) }, Math.random))];
    }),
  );
}
