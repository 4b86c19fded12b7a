import { readFile, stat } from 'node:fs/promises';
import { CutpointError, messageOf } from '@cutpoint/core';
import type { Preprocessing } from '@cutpoint/graph';
import type { PictureFit } from '@cutpoint/picture';
import { z } from 'zod';

const maxBytes = 100_000;
const perChannel = z.array(z.number()).min(1).max(1024);

/** What the file beside a model declares. */
export interface DeclaredPreprocessing {
  readonly graph: Preprocessing;
  readonly fit: PictureFit;
}

const preprocessingSchema = z
  .strictObject({
    input: z.string().min(1).max(1000),
    pixels: z.string().min(1).max(1000).optional(),
    layout: z.enum(['nhwc', 'nchw']).default('nhwc'),
    scale: z.number().default(1),
    mean: perChannel.default([0]),
    std: perChannel.default([1]),
    resize: z
      .union([z.literal('stretch'), z.strictObject({ shortSide: z.number().int().min(1).max(16_384) })])
      .optional(),
    kernel: z.enum(['nearest', 'linear', 'cubic', 'lanczos3']).default('linear'),
  })
  .transform(
    ({ resize, kernel, ...spec }): DeclaredPreprocessing => ({
      graph: { ...spec, pixels: spec.pixels ?? `${spec.input}.pixels` },
      fit: { resize, kernel },
    }),
  );

/** Where the preprocessing of a model is declared unless it is said otherwise: `model.preprocessing.json`. */
export function preprocessingBeside(modelPath: string): string {
  return modelPath.replace(/\.onnx$/i, '').concat('.preprocessing.json');
}

/**
 * Reads the file that declares a model's preprocessing.
 * @returns undefined if there is none and it was not asked for by name.
 * @throws CutpointError CUT_FILE_NOT_FOUND, CUT_PREPROCESSING
 */
export async function readPreprocessing(modelPath: string, named?: string): Promise<DeclaredPreprocessing | undefined> {
  const path = named ?? preprocessingBeside(modelPath);
  const text = await readSmall(path, named !== undefined);
  if (text === undefined) return undefined;
  try {
    return preprocessingSchema.parse(JSON.parse(text));
  } catch (cause) {
    const why = cause instanceof z.ZodError ? z.prettifyError(cause).replaceAll('\n', ' ') : messageOf(cause);
    throw new CutpointError('CUT_PREPROCESSING', `${path} does not declare a preprocessing: ${why}`, { cause });
  }
}

async function readSmall(path: string, mustExist: boolean): Promise<string | undefined> {
  try {
    const { size } = await stat(path);
    if (size > maxBytes) {
      throw new CutpointError('CUT_PREPROCESSING', `${path} has ${size} bytes; a preprocessing has less than 100 kB.`);
    }
    return await readFile(path, 'utf8');
  } catch (cause) {
    if (cause instanceof CutpointError) throw cause;
    if (!mustExist && (cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new CutpointError('CUT_FILE_NOT_FOUND', `The preprocessing ${path} cannot be read: ${messageOf(cause)}.`, {
      cause,
    });
  }
}
