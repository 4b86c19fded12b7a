import { describe, expect, it } from 'vitest';
import type { CheckpointTensor, DecoderTensors } from './checkpoint.js';
import { fingerprintOf } from './fingerprint.js';

const tensor = (name: string, rows: readonly (readonly number[])[]): CheckpointTensor => ({
  name,
  encoding: 'f32',
  rows: rows.length,
  columns: rows[0]?.length ?? 0,
  plus: 0,
  readRows: async (first, count) =>
    new Uint8Array(Float32Array.from(rows.slice(first, first + count).flat()).buffer) as Uint8Array<ArrayBuffer>,
});

const tensorsWith = (out: readonly (readonly number[])[], label = ''): DecoderTensors => ({
  embedding: tensor(`${label}embedding`, [[1, 2]]),
  layers: [{ out: tensor(`${label}out`, out) }],
  norm: tensor(`${label}norm`, [[1, 1]]),
  matrix: tensor(`${label}matrix`, [[1, 2]]),
});
const of = (out: readonly (readonly number[])[], label?: string) => fingerprintOf({ tensors: tensorsWith(out, label) });

describe('the fingerprint of a checkpoint', () => {
  const usual = [
    [1, 2],
    [3, 4],
    [5, 6],
  ];

  it('is the same for the same weights, whatever they are called', async () => {
    expect(await of(usual)).toBe(await of(usual, 'model.'));
    expect(await of(usual)).toMatch(/^[0-9a-f]{64}$/);
  });

  it('is the same for the same weights in halves and in floats', async () => {
    const halves = (of: CheckpointTensor): CheckpointTensor => ({
      ...of,
      encoding: 'f16',
      readRows: async (first, count) => {
        const floats = new Float32Array((await of.readRows(first, count)).buffer);
        // 1 to 6 in f16.
        const codes = [0x3c00, 0x4000, 0x4200, 0x4400, 0x4500, 0x4600];
        return new Uint8Array(Uint16Array.from(floats, (value) => codes[value - 1] ?? 0).buffer);
      },
    });
    const floats = tensorsWith(usual);
    const { out } = floats.layers[0] ?? {};
    const layers = out === undefined ? [] : [{ out: halves(out) }];
    expect(await fingerprintOf({ tensors: { ...floats, layers } })).toBe(await of(usual));
  });

  it('is another for weights of another training, and for other shapes', async () => {
    const others = [
      usual.with(0, [1, 2.5]),
      usual.with(2, [5, 7]),
      usual.slice(0, 2),
      [[1, 2, 3, 4, 5, 6]],
      usual.map((row) => [...row, 0]),
    ];
    const found = await Promise.all([usual, ...others].map((out) => of(out)));
    expect(new Set(found).size).toBe(found.length);
  });
});
