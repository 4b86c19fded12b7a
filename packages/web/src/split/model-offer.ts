import { CutpointError } from '@cutpoint/core';
import { z } from 'zod';

const cutChoice = z.object({ at: z.array(z.int().min(0)), name: z.string(), bytes: z.int().min(0) });

/** What is undefined at the server crosses the wire as null. */
const resize = z
  .union([z.literal('stretch'), z.object({ shortSide: z.number().positive() })])
  .nullish()
  .transform((value) => value ?? undefined);

const pictures = z.object({
  layout: z.enum(['nhwc', 'nchw']),
  fit: z.object({ resize, kernel: z.enum(['nearest', 'linear', 'cubic', 'lanczos3']) }),
});

const modelOffer = z.object({
  name: z.string(),
  modelHash: z.string(),
  inputs: z.array(
    z.object({
      name: z.string(),
      dtype: z.string(),
      /** Free dimensions have a name, or none. */
      shape: z.array(z.union([z.number(), z.string(), z.null()])),
    }),
  ),
  outputs: z.array(z.string()),
  choices: z.array(cutChoice),
  codecs: z.array(z.string()),
  /** How it takes pictures; null if nothing says so. */
  pictures: pictures.nullish().transform((value) => value ?? null),
  answer: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('numbers') }),
    z.object({ kind: z.literal('classes'), labels: z.array(z.string()) }),
    z.object({ kind: z.literal('text line'), keys: z.string() }),
  ]),
});

const frontSegment = z.object({
  /** Null where there is nothing to compute. */
  model: z
    .object({ hash: z.string(), bytes: z.int().min(0) })
    .nullish()
    .transform((value) => value ?? null),
  sends: z.array(z.string()),
  answers: z.array(z.string()),
});

/** What a server offers of a model that may be split. */
export type ModelOffer = z.output<typeof modelOffer>;

/** What the server says of a front segment. */
export type FrontSegment = z.output<typeof frontSegment>;

/** @throws CutpointError CUT_WIRE_MALFORMED */
export function readOffer(part: unknown): ModelOffer {
  return read(modelOffer, part);
}

/** @throws CutpointError CUT_WIRE_MALFORMED */
export function readSegment(meta: unknown): FrontSegment {
  return read(frontSegment, meta);
}

/** The page and the server are of one build as long as the page is not older. */
function read<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const { data, success, error } = schema.safeParse(value);
  if (success) return data;
  const message = 'The server is of another version than this page: reload the page.';
  throw new CutpointError('CUT_WIRE_MALFORMED', message, { cause: error });
}
