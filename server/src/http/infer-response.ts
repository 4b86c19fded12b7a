import { CutpointError, type NamedTensors, type Tensor } from '@cutpoint/core';
import { nameOfDtype } from './datatypes.js';
import type { ParsedInference } from './infer-request.js';
import { jsonOfTensor } from './json-tensors.js';
import type { InferAnswer } from './models.js';

/** The body of an answer; `jsonLength` is there if bytes of tensors follow the JSON. */
export interface InferenceBody {
  readonly body: Buffer;
  readonly jsonLength: number | undefined;
}

/**
 * Writes the answer in the form that the request asked for.
 * @throws CutpointError CUT_INPUT or CUT_UNSUPPORTED_TYPE for outputs that JSON cannot hold.
 */
export function writeInference(
  name: string,
  { id, outputs: wanted, binaryOutput }: ParsedInference,
  { version, outputs }: Pick<InferAnswer, 'version' | 'outputs'>,
): InferenceBody {
  const listed = wanted ?? [...outputs.keys()].map((output) => ({ name: output, binary: binaryOutput }));
  const bytes: Uint8Array[] = [];
  const written = listed.map((output) => {
    const tensor = required(outputs, output.name);
    if (output.binary) bytes.push(tensor.data);
    return outputJson(output.name, tensor, output.binary);
  });
  const fields = [
    `"model_name":${JSON.stringify(name)}`,
    ...(version === undefined ? [] : [`"model_version":${JSON.stringify(version)}`]),
    ...(id === undefined ? [] : [`"id":${JSON.stringify(id)}`]),
    `"outputs":[${written.join(',')}]`,
  ];
  const json = Buffer.from(`{${fields.join(',')}}`);
  if (bytes.length === 0) return { body: json, jsonLength: undefined };
  return { body: Buffer.concat([json, ...bytes]), jsonLength: json.length };
}

/** By hand: the elements of a tensor are one join, and 64-bit integers keep all digits. */
function outputJson(name: string, tensor: Tensor, binary: boolean): string {
  const type = `"name":${JSON.stringify(name)},"datatype":"${nameOfDtype(tensor.dtype)}","shape":[${tensor.shape.join(',')}]`;
  if (binary) return `{${type},"parameters":{"binary_data_size":${tensor.data.length}}}`;
  return `{${type},"data":${jsonOfTensor(name, tensor)}}`;
}

function required(outputs: NamedTensors, name: string): Tensor {
  const tensor = outputs.get(name);
  if (tensor === undefined) throw new CutpointError('CUT_INTERNAL', `The answer lacks the output "${name}".`);
  return tensor;
}

/** Where the time went, as browsers and proxies show it: `segment-0;desc="queue at pi-1";dur=0.1`, in ms. */
export function serverTiming({ timing, path }: InferAnswer): string {
  const segments = timing.segments.flatMap(({ queueMs, inputMs, computeMs, outputMs }, i) =>
    Object.entries({ queue: queueMs, input: inputMs, compute: computeMs, output: outputMs }).map(([phase, ms]) =>
      ms === undefined ? [] : [`segment${i}-${phase};desc="${path[i] ?? ''}";dur=${ms.toFixed(3)}`],
    ),
  );
  const links = timing.links.map(({ codecMs, sendMs }, i) => [
    `link${i}-codec;dur=${codecMs.toFixed(3)}`,
    `link${i}-send;dur=${sendMs.toFixed(3)}`,
  ]);
  return [...segments, ...links].flat().join(', ');
}
