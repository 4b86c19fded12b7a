import { bytesPerElement, CutpointError, type DType, type NamedTensors, type Tensor } from '@cutpoint/core';
import { checkJson, type JsonLimits, type ParseJson, Refusal } from '@cutpoint/http';
import { dtypeOfName } from './datatypes.js';
import { type InferenceInput, type InferenceRequest, inferenceRequest } from './infer-schemas.js';
import { tensorFromJson } from './json-tensors.js';

/** What an inference request may be. */
export interface InferLimits extends JsonLimits {
  /** Most bytes of JSON. */
  readonly maxJsonBytes: number;
  /** Most elements of one tensor. */
  readonly maxElements: number;
}

/** An inference request, with its tensors. */
export interface ParsedInference {
  readonly id: string | undefined;
  /** How long it may take, in ms, where the caller says so. */
  readonly timeoutMs: number | undefined;
  readonly inputs: NamedTensors;
  /** The outputs wanted, in order, and whether as binary data; undefined for all. */
  readonly outputs: readonly { readonly name: string; readonly binary: boolean }[] | undefined;
  /** Whether outputs that are not listed are wanted as binary data. */
  readonly binaryOutput: boolean;
}

/**
 * Reads the body of an inference request: JSON, with the bytes of tensors after it where `jsonLength` says how long it is.
 * Tensors that came as bytes are views of the body.
 * @throws Refusal and CutpointError (CUT_INPUT, CUT_UNSUPPORTED_TYPE) for what the protocol or the limits do not allow.
 */
export function parseInference(
  body: Buffer,
  jsonLength: string | undefined,
  limits: InferLimits,
  parseJson: ParseJson,
): ParsedInference {
  const length = jsonLengthOf(jsonLength, body.length);
  const request = readJson(body.subarray(0, length), limits, parseJson);
  const binary = new BinaryPart(body, length);
  const inputs = new Map<string, Tensor>();
  for (const input of request.inputs) {
    if (inputs.has(input.name)) throw new CutpointError('CUT_INPUT', `The input "${input.name}" is given twice.`);
    inputs.set(input.name, tensorOfInput(input, binary, limits));
  }
  binary.end();
  const { id, parameters } = request;
  return {
    id: id === null || id === '' ? undefined : id,
    timeoutMs: parameters?.timeout === undefined || parameters.timeout === 0 ? undefined : parameters.timeout / 1000,
    inputs,
    ...outputsOf(request),
  };
}

function jsonLengthOf(header: string | undefined, bodyLength: number): number {
  if (header === undefined) return bodyLength;
  const length = /^\d{1,15}$/.test(header) ? Number(header) : 0;
  if (length > 0 && length <= bodyLength) return length;
  const message = `Inference-Header-Content-Length is "${header.slice(0, 40)}", but must be the length of the JSON in bytes, at most ${bodyLength}.`;
  throw new Refusal(400, 'CUT_HTTP', message);
}

function readJson(json: Buffer, limits: InferLimits, parseJson: ParseJson): InferenceRequest {
  if (json.length > limits.maxJsonBytes) {
    const message = `The JSON of the request takes ${json.length} bytes, but may take ${limits.maxJsonBytes}: send large tensors as binary data.`;
    throw new Refusal(413, 'CUT_HTTP', message);
  }
  checkJson(json, limits);
  const parsed = inferenceRequest.safeParse(parseJson(json.toString('utf8')));
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const place = issue?.path.join('.') ?? '';
  throw new CutpointError(
    'CUT_INPUT',
    `The request is not valid${place === '' ? '' : ` at ${place}`}: ${issue?.message}.`,
  );
}

function outputsOf({ outputs, parameters }: InferenceRequest): Pick<ParsedInference, 'outputs' | 'binaryOutput'> {
  const binaryOutput = parameters?.binary_data_output ?? false;
  if (outputs === undefined || outputs === null || outputs.length === 0) return { outputs: undefined, binaryOutput };
  const wanted = outputs.map(({ name, parameters: own }) => ({ name, binary: own?.binary_data ?? binaryOutput }));
  const names = new Set(wanted.map(({ name }) => name));
  if (names.size < wanted.length) throw new CutpointError('CUT_INPUT', 'An output is asked for twice.');
  return { outputs: wanted, binaryOutput };
}

function tensorOfInput(input: InferenceInput, binary: BinaryPart, limits: InferLimits): Tensor {
  const { name, datatype, shape, parameters } = input;
  const data = input.data ?? undefined;
  const dtype = dtypeOfName(datatype);
  const elements = shape.reduce((product, size) => product * size, 1);
  if (elements > limits.maxElements) {
    const message = `The input "${name}" has ${elements} elements, but may have ${limits.maxElements}.`;
    throw new Refusal(413, 'CUT_HTTP', message);
  }
  const bytes = parameters?.binary_data_size;
  if ((bytes === undefined) === (data === undefined)) {
    const message = `The input "${name}" must have either data or the parameter binary_data_size.`;
    throw new CutpointError('CUT_INPUT', message);
  }
  if (bytes !== undefined) return tensorOfBytes(name, dtype, shape, binary.take(name, bytes));
  if (Array.isArray(data)) return tensorFromJson(name, dtype, shape, data);
  throw new CutpointError('CUT_INPUT', `The data of the input "${name}" must be a list.`);
}

function tensorOfBytes(name: string, dtype: DType, shape: readonly number[], data: Uint8Array<ArrayBuffer>): Tensor {
  const bytes = shape.reduce((product, size) => product * size, bytesPerElement[dtype]);
  if (data.length !== bytes) {
    const message = `The input "${name}" of ${dtype}[${shape.join(', ')}] takes ${bytes} bytes, but binary_data_size is ${data.length}.`;
    throw new CutpointError('CUT_INPUT', message);
  }
  if (dtype === 'bool' && data.some((byte) => byte > 1)) {
    throw new CutpointError('CUT_INPUT', `A byte of the BOOL input "${name}" is neither 0 nor 1.`);
  }
  return { dtype, shape, data };
}

/** The bytes behind the JSON, in the order of the inputs. */
class BinaryPart {
  readonly #body: Buffer;
  #at: number;

  constructor(body: Buffer, from: number) {
    this.#body = body;
    this.#at = from;
  }

  take(name: string, bytes: number): Uint8Array<ArrayBuffer> {
    const left = this.#body.length - this.#at;
    if (bytes > left) {
      const message = `The input "${name}" needs ${bytes} bytes of binary data, but ${left} are left: give Inference-Header-Content-Length, and the data after the JSON.`;
      throw new CutpointError('CUT_INPUT', message);
    }
    // A body that was received lies in an ArrayBuffer, never in a shared one.
    const data = new Uint8Array(this.#body.buffer as ArrayBuffer, this.#body.byteOffset + this.#at, bytes);
    this.#at += bytes;
    return data;
  }

  /** @throws CutpointError CUT_INPUT if there is more than the inputs took. */
  end(): void {
    const left = this.#body.length - this.#at;
    if (left > 0) throw new CutpointError('CUT_INPUT', `${left} bytes behind the JSON belong to no input.`);
  }
}
