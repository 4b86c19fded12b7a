import { CutpointError, type DType, isDType, messageOf } from '@cutpoint/core';
import { z } from 'zod';

const dtype = z.custom<DType>(isDType, 'must be an element type such as f32');
const size = z.number().int().nonnegative();
const names = z.array(z.string());
const specs = z.array(z.object({ name: z.string(), dtype, shape: z.array(z.union([size, z.string(), z.null()])) }));
const fileName = z.string().regex(/^[^/\\]+\.onnx$/, 'must be the name of an .onnx file in the same folder');

/** `segments.json`: what each side of the cuts needs to know about a split model. */
const segmentsFile = z.object({
  format: z.literal('cutpoint-segments'),
  version: z.literal(1),
  model: z.object({ name: z.string(), sha256: z.string() }),
  inputs: specs,
  outputs: names,
  cuts: z.array(
    z.object({
      index: size,
      name: z.string(),
      tensors: z.array(z.object({ name: z.string(), dtype, shape: z.array(size), bytes: size })),
    }),
  ),
  segments: z.array(
    z.object({
      index: size,
      /** Null where there is nothing to compute. */
      file: fileName.nullable(),
      sha256: z.string().nullable(),
      receives: names,
      sends: names,
      answers: names,
    }),
  ),
});

export type SegmentsFile = z.infer<typeof segmentsFile>;

/**
 * Reads the text of a `segments.json`.
 * @param where names it in errors. @throws CutpointError CUT_MODEL_INVALID
 */
export function parseSegmentsFile(text: string, where: string): SegmentsFile {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new CutpointError('CUT_MODEL_INVALID', `${where} is not JSON: ${messageOf(cause)}.`, { cause });
  }
  const parsed = segmentsFile.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const place = issue?.path.join('.') ?? '';
  throw new CutpointError('CUT_MODEL_INVALID', `${where} is not a segments file: ${place}: ${issue?.message ?? ''}.`);
}
