import { z } from 'zod';

const maxTensors = 1024;
const maxRank = 16;
const name = z.string().min(1).max(1024);
const shape = z.array(z.int().min(0)).max(maxRank);
const datatype = z.string().max(16);

/** Parameters that would change the answer if they were heeded: better no answer than a wrong one. */
const notHere = (what: string) =>
  z
    .never({ error: `${what} are not supported` })
    .optional()
    .meta({ description: `not supported: ${what}` });

/** Elements are checked when the tensor is made; here they may be hundreds of thousands. */
const data = z.unknown().optional().meta({
  type: 'array',
  description: 'the elements in row-major order, in one list or nested as the shape; not for FP16 and BF16',
});

const inferenceInput = z.object({
  name,
  shape,
  datatype,
  parameters: z
    .object({
      binary_data_size: z.int().min(0).optional().meta({ description: 'bytes of this tensor behind the JSON' }),
      shared_memory_region: notHere('regions of shared memory'),
    })
    .nullish(),
  data,
});
export type InferenceInput = z.output<typeof inferenceInput>;

/**
 * The body of an inference request, or the JSON before its binary data. Other parameters are ignored; null stands for what
 * is left out, as some clients write all fields.
 */
export const inferenceRequest = z.object({
  id: z
    .string()
    .max(256)
    .nullish()
    .meta({ description: 'repeats within a minute get the same answer, computed once; not for other inputs' }),
  parameters: z
    .object({
      timeout: z
        .int()
        .min(0)
        .max(3_600_000_000)
        .optional()
        .meta({ description: 'deadline in microseconds; 0 for the default' }),
      binary_data_output: z.boolean().optional().meta({ description: 'all outputs as binary data' }),
      sequence_id: notHere('sequences'),
    })
    .nullish(),
  inputs: z.array(inferenceInput).max(maxTensors),
  outputs: z
    .array(
      z.object({
        name,
        parameters: z
          .object({
            binary_data: z.boolean().optional(),
            classification: notHere('classifications'),
            shared_memory_region: notHere('regions of shared memory'),
          })
          .nullish(),
      }),
    )
    .max(maxTensors)
    .nullish(),
});
export type InferenceRequest = z.output<typeof inferenceRequest>;

const tensorMetadata = z.object({ name, datatype, shape: z.array(z.int()).meta({ description: '-1: any size' }) });

export const serverMetadata = z.object({ name: z.string(), version: z.string(), extensions: z.array(z.string()) });
export const modelMetadata = z.object({
  name: z.string(),
  versions: z.array(z.string()).optional(),
  platform: z.string(),
  inputs: z.array(tensorMetadata),
  outputs: z.array(tensorMetadata),
});
export const liveAnswer = z.object({ live: z.boolean() });
export const readyAnswer = z.object({ ready: z.boolean() });
export const modelReadyAnswer = z.object({ name: z.string(), ready: z.boolean() });
export const failureAnswer = z.object({
  error: z.string().meta({ description: 'what is wrong and what to do' }),
  code: z.string().meta({ description: 'stable: CUT_...' }),
});

export const inferenceResponse = z.object({
  model_name: z.string(),
  model_version: z.string().optional(),
  id: z.string().optional(),
  outputs: z.array(
    z.object({
      name,
      datatype,
      shape,
      parameters: z.object({ binary_data_size: z.int() }).optional(),
      data: z.array(z.union([z.number(), z.boolean()])).optional(),
    }),
  ),
});
