import { attribute, buildModel, externalWeight, node, serialiseModel, tensorValue } from '@cutpoint/graph';
import * as ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { openWeights, weightsLocation } from './open-weights.js';

const [rows, columns, block] = [64, 256, 128];
const codeBytes = (rows * columns) / 2;
const scaleBytes = (rows * columns * 4) / block;

/** A norm, and a matrix in blocks behind it; weights begin at the first byte. */
function graph(): Uint8Array {
  const external = (offset: number) => ({ location: weightsLocation, offset });
  const blocks = columns / block;
  return serialiseModel(
    buildModel({
      inputs: [tensorValue('x', 'f32', [1, 'tokens', columns])],
      outputs: [tensorValue('y', 'f32', [1, 'tokens', rows])],
      nodes: [
        node('SimplifiedLayerNormalization', ['x', 'gamma'], ['normed'], {
          axis: attribute.int(-1),
          epsilon: attribute.float(1e-5),
        }),
        node(
          'MatMulNBits',
          ['normed', 'codes', 'scales'],
          ['y'],
          {
            K: attribute.int(columns),
            N: attribute.int(rows),
            bits: attribute.int(4),
            block_size: attribute.int(block),
            accuracy_level: attribute.int(4),
          },
          { domain: 'com.microsoft' },
        ),
      ],
      initializers: [
        externalWeight('codes', 'u8', [rows, blocks, block / 2], external(0)),
        externalWeight('scales', 'f32', [rows, blocks], external(codeBytes)),
        externalWeight('gamma', 'f32', [columns], external(codeBytes + scaleBytes)),
      ],
      domains: { 'com.microsoft': 1 },
    }),
  );
}

/** Codes of `code`, scales of 0.5, a gamma of `gamma`. */
function weights(code: number, gamma: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(codeBytes + scaleBytes + columns * 4);
  bytes.fill(code | (code << 4), 0, codeBytes);
  new Float32Array(bytes.buffer, codeBytes, scaleBytes / 4).fill(0.5);
  new Float32Array(bytes.buffer, codeBytes + scaleBytes, columns).fill(gamma);
  return bytes;
}

async function firstOf(session: ort.InferenceSession): Promise<number> {
  const x = new ort.Tensor('float32', new Float32Array(columns).fill(1), [1, 1, columns]);
  const { y } = await session.run({ x });
  return Number(y?.data[0]);
}

describe('openWeights', () => {
  it('runs with weights from memory, also where they are overwritten behind it, and from the middle of a buffer', async () => {
    const bytes = new Uint8Array(codeBytes + scaleBytes + columns * 4 + 4096).subarray(4032, -64);
    bytes.set(weights(9, 2));
    const first = await openWeights(graph(), bytes, 1);
    // 256 products of 2 and (9 - 8) times 0.5.
    expect(await firstOf(first)).toBeCloseTo(256, 0);
    bytes.set(weights(12, 1));
    const second = await openWeights(graph(), bytes, 1);
    expect(await firstOf(first)).toBeCloseTo(256, 0);
    expect(await firstOf(second)).toBeCloseTo(512, 0);
    await first.release();
    await second.release();
  });

  it('refuses weights that are too short', async () => {
    await expect(openWeights(graph(), weights(9, 2).slice(0, 1000), 1)).rejects.toMatchObject({
      code: 'CUT_EXTERNAL_DATA',
    });
  });
});
