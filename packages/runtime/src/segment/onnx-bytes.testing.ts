/** Just enough protobuf to write small ONNX models by hand, so that these tests stand on nothing else. */
type Part = Uint8Array;

const varint = (value: number): number[] => {
  const low = value % 128;
  return value < 128 ? [low] : [low + 128, ...varint(Math.floor(value / 128))];
};
const int = (field: number, value: number): Part => Uint8Array.from([...varint(field * 8), ...varint(value)]);
const bytes = (field: number, content: Part | string): Part => {
  const body = Buffer.from(content);
  return Buffer.concat([Uint8Array.from([...varint(field * 8 + 2), ...varint(body.length)]), body]);
};
const message = (field: number, ...parts: Part[]): Part => bytes(field, Buffer.concat(parts));

/** ONNX's numbers for element types. */
export const onnxTypes = {
  f32: 1,
  u8: 2,
  i8: 3,
  u16: 4,
  i16: 5,
  i32: 6,
  i64: 7,
  string: 8,
  bool: 9,
  f16: 10,
  f64: 11,
  u32: 12,
  u64: 13,
  bf16: 16,
} as const;
type OnnxType = keyof typeof onnxTypes;

type Dims = readonly (number | string)[];
const dimension = (dim: number | string): Part => message(1, typeof dim === 'number' ? int(1, dim) : bytes(2, dim));
const tensorType = (type: OnnxType, dims: Dims): Part =>
  message(1, int(1, onnxTypes[type]), message(2, ...dims.map(dimension)));
const value = (field: number, name: string, type: Part): Part => message(field, bytes(1, name), message(2, type));

export const input = (name: string, type: OnnxType, dims: Dims): Part => value(11, name, tensorType(type, dims));
export const output = (name: string, type: OnnxType, dims: Dims): Part => value(12, name, tensorType(type, dims));
/** An output that is a sequence of f32 tensors. */
export const sequenceOutput = (name: string): Part =>
  value(12, name, message(4, message(1, message(1, int(1, onnxTypes.f32)))));

export const intAttribute = (name: string, value: number): Part =>
  message(5, bytes(1, name), int(3, value), int(20, 2));

export const node = (op: string, inputs: string[], outputs: string[], ...attributes: Part[]): Part =>
  message(
    1,
    ...inputs.map((name) => bytes(1, name)),
    ...outputs.map((name) => bytes(2, name)),
    bytes(4, op),
    ...attributes,
  );

/** A weight whose bytes lie in another file. */
export const externalWeight = (name: string, dims: readonly number[], location: string): Part =>
  message(
    5,
    ...dims.map((dim) => int(1, dim)),
    int(2, onnxTypes.f32),
    bytes(8, name),
    message(13, bytes(1, 'location'), bytes(2, location)),
    int(14, 1),
  );

/** A whole model of opset 15 from the parts above. */
export function modelOf(...graph: Part[]): Uint8Array<ArrayBuffer> {
  const model = [int(1, 8), message(7, bytes(2, 'test'), ...graph), message(8, bytes(1, ''), int(2, 15))];
  return new Uint8Array(Buffer.concat(model));
}

/** y = x, for any element type. */
export const identityModel = (type: OnnxType): Uint8Array<ArrayBuffer> =>
  modelOf(node('Identity', ['x'], ['y']), input('x', type, ['n', 2]), output('y', type, ['n', 2]));

/** y = x^(2^depth) as a chain of square matrix products: as slow as one likes. */
export function slowModel(depth: number): Uint8Array<ArrayBuffer> {
  const name = (i: number) => (i === 0 ? 'x' : i === depth ? 'y' : `v${i}`);
  const nodes = Array.from({ length: depth }, (_, i) => node('MatMul', [name(i), name(i)], [name(i + 1)]));
  return modelOf(...nodes, input('x', 'f32', ['n', 'n']), output('y', 'f32', ['n', 'n']));
}
