import type { DecoderConfig } from '../architecture/decoder-config.js';
import type { CheckpointTensor, DecoderTensors, LayerTensorName, LayerTensors } from '../checkpoint/checkpoint.js';
import { readFloats } from '../checkpoint/decode-rows.js';

/** A factor for each input column of a layer's matrices; those of `out` are alike for query heads of one value head. */
export interface LayerScales {
  readonly qkv: Float32Array;
  readonly out: Float32Array;
  readonly gateUp: Float32Array;
  readonly down: Float32Array;
}

/** Factors of a tensor's rows and columns. */
interface Factors {
  readonly rows?: Float32Array;
  readonly columns?: Float32Array;
}

/** A tensor times factors, as f32. */
export function scaledTensor(tensor: CheckpointTensor, { rows, columns }: Factors): CheckpointTensor {
  const readRows = async (first: number, count: number): Promise<Uint8Array<ArrayBuffer>> => {
    const values = await readFloats(tensor, first, count);
    for (let row = 0; row < count; row++) {
      const ofRow = rows?.[first + row] ?? 1;
      for (let column = 0; column < tensor.columns; column++) {
        const at = row * tensor.columns + column;
        values[at] = (values[at] ?? 0) * ofRow * (columns?.[column] ?? 1);
      }
    }
    return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  };
  return { ...tensor, encoding: 'f32', plus: 0, readRows };
}

/**
 * A layer that computes the same, with each matrix's columns times their factors. What goes into the matrices is divided by
 * the factors where it is made: in the norm before queries, keys and values and in that before gate and up, in the rows of
 * the values, and in the rows of up.
 */
export function scaledLayer(layer: LayerTensors, config: DecoderConfig, scales: LayerScales): LayerTensors {
  const { qkv, gateUp, down } = scales;
  const perValue = inverse(ofValueHeads(scales.out, config));
  const perUp = inverse(down);
  const factors: Partial<Record<LayerTensorName, Factors>> = {
    attentionNorm: { columns: inverse(qkv) },
    query: { columns: qkv },
    key: { columns: qkv },
    value: { columns: qkv, rows: perValue },
    valueBias: { columns: perValue },
    out: { columns: scales.out },
    ffnNorm: { columns: inverse(gateUp) },
    gate: { columns: gateUp },
    up: { columns: gateUp, rows: perUp },
    down: { columns: down },
  };
  const entries = Object.entries(layer) as [LayerTensorName, CheckpointTensor][];
  return Object.fromEntries(
    entries.map(([name, tensor]) => {
      const own = factors[name];
      return [name, own === undefined ? tensor : scaledTensor(tensor, own)];
    }),
  );
}

/** Norm and matrix of a head that computes the same, with the matrix's columns times their factors. */
export function scaledHead({ norm, matrix }: Pick<DecoderTensors, 'norm' | 'matrix'>, scales: Float32Array) {
  return {
    norm: scaledTensor(norm, { columns: inverse(scales) }),
    matrix: scaledTensor(matrix, { columns: scales }),
  };
}

/** For each element of the value heads the mean of those columns of `out` that it goes to. */
export function ofValueHeads(columns: Float32Array, { heads, kvHeads, headSize }: DecoderConfig): Float32Array {
  const sharing = heads / kvHeads;
  return Float32Array.from({ length: kvHeads * headSize }, (_, i) => {
    const [valueHead, place] = [Math.floor(i / headSize), i % headSize];
    let sum = 0;
    for (let head = valueHead * sharing; head < (valueHead + 1) * sharing; head++) {
      sum += columns[head * headSize + place] ?? 0;
    }
    return sum / sharing;
  });
}

/** For each column of `out` what its element of the value heads has. */
export function ofQueryHeads(values: Float32Array, { heads, kvHeads, headSize }: DecoderConfig): Float32Array {
  return Float32Array.from({ length: heads * headSize }, (_, column) => {
    const valueHead = Math.floor(Math.floor(column / headSize) / (heads / kvHeads));
    return values[valueHead * headSize + (column % headSize)] ?? 0;
  });
}

export function inverse(factors: Float32Array): Float32Array {
  return factors.map((factor) => 1 / factor);
}
