import { type onnx, weight } from '@cutpoint/graph';

/** Deterministic weights in [-0.5, 0.5) scaled down with the number of inputs that a neuron sums. */
export function f32Weight(name: string, shape: readonly number[]): onnx.TensorProto {
  return weight(name, 'f32', shape, f32Values(name, shape));
}

/** The same weights as f16 bit patterns, rounded towards zero. */
export function f16Weight(name: string, shape: readonly number[]): onnx.TensorProto {
  return weight(name, 'f16', shape, Uint16Array.from(f32Values(name, shape), toHalf));
}

function f32Values(name: string, shape: readonly number[]): Float32Array<ArrayBuffer> {
  const length = shape.reduce((product, size) => product * size, 1);
  const fanIn = Math.max(
    1,
    shape.slice(1).reduce((product, size) => product * size, 1),
  );
  let state = [...name].reduce((hash, letter) => Math.imul(hash ^ letter.charCodeAt(0), 0x01000193) >>> 0, 0x811c9dc5);
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state / 2 ** 32 - 0.5) * (2 / Math.sqrt(fanIn));
  });
}

/** Normal f16 numbers only: the weights are neither tiny nor huge. */
function toHalf(value: number): number {
  const bits = new DataView(new ArrayBuffer(4));
  bits.setFloat32(0, value);
  const [sign, exponent, mantissa] = [
    bits.getUint32(0) >>> 31,
    (bits.getUint32(0) >>> 23) & 255,
    bits.getUint32(0) & 0x7fffff,
  ];
  return exponent < 113 ? sign << 15 : (sign << 15) | ((exponent - 112) << 10) | (mantissa >>> 13);
}
