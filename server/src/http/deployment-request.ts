import { contentHash, deploymentId, deviceId, rung } from '@cutpoint/control/client';
import { z } from 'zod';

/** Where a file with external weights lies beside its model: within the folder, by names that mean the same everywhere. */
const weightsPath = z
  .string()
  .min(1)
  .max(512)
  .refine(
    (path) => path.split('/').every((part) => /^[^\\\p{Cc}:]{1,200}$/u.test(part) && part !== '.' && part !== '..'),
    'must be a path below the folder of the model',
  );

/** What lies beside the weights of a model on a server, whatever its files are called elsewhere. */
const taken = ['model.onnx', 'model.preprocessing.json'];

/** Whether files of these paths can lie in one folder, also where large and small letters are the same. */
function areApart(weights: readonly { readonly path: string }[]): boolean {
  const paths = [...taken, ...weights.map(({ path }) => path.toLowerCase())].sort();
  return paths.every((path, i) => paths.every((other, j) => i === j || !`${other}/`.startsWith(`${path}/`)));
}

const fileName = z.string().regex(/^[0-9a-z]([0-9a-z-]{0,126}[0-9a-z])?$/);

/** The files of a model, by their SHA-256: all have been sent to the server. */
export const modelFiles = z.strictObject({
  /** For people: callers know it by the name of the deployment. */
  name: z.string().min(1).max(256),
  /** The ONNX file. */
  hash: contentHash,
  /** Its external weights, by the paths that stand in it. */
  weights: z
    .array(z.strictObject({ path: weightsPath, hash: contentHash }))
    .max(64)
    .refine(areApart, 'must have paths of their own: each once, none below another, none that of the model itself')
    .optional(),
  /** The file that declares its preprocessing. */
  preprocessing: contentHash.optional(),
  /** Sizes of free dimensions. */
  dims: z.record(z.string().min(1).max(256), z.int().positive()).optional(),
  /** Tables of codecs, by their names. */
  tables: z
    .array(z.strictObject({ name: fileName, hash: contentHash }))
    .max(256)
    .optional(),
});
export type ModelFiles = z.output<typeof modelFiles>;

/** What shall run where: for each device at which requests begin, the ways to answer them, best first. */
export const deploymentRequest = z.strictObject({
  name: deploymentId,
  model: modelFiles,
  ladders: z
    .array(z.strictObject({ device: deviceId, ladder: z.array(rung).min(1).max(16) }))
    .min(1)
    .max(1024),
  /** Whether the server gets the whole model too, and answers callers by itself. Default: yes. */
  onServer: z.boolean().optional(),
});
export type DeploymentRequest = z.output<typeof deploymentRequest>;
