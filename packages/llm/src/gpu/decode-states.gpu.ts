import { openCodec, typescriptKernels } from '@cutpoint/codec';
import { openGpu } from '@cutpoint/gpu';
import { expect, it } from 'vitest';
import { describeOnGpu } from '../../../gpu/src/gpus.testing.js';
import { decodeHidden, encodeHidden } from '../split/hidden-rows.js';
import { decodeStates } from './decode-states.js';

const hiddenSize = 96;
/** Of a payload where its parts lie, and the roundings to words. */
const parameterBytes = 64;
const rowsOf = (count: number, seed: number) =>
  Float32Array.from({ length: count * hiddenSize }, (_, i) => Math.sin(i * 1.7 + seed) * (i % 61 === 7 ? 40 : 1));
const specs = ['raw', 'f16', 'bf16', 'affine:bits=4,per=token', 'ts-tabq:delta=1e-3,rho=0.02', 'ts-tabq+rans'];

/** A codec by which the CPU can read a payload, but never make elements of it. */
function withoutElements(spec: string) {
  if (spec === 'raw' || spec === 'f16') return spec;
  const never = () => {
    throw new Error('elements were computed on the CPU');
  };
  return openCodec(spec, { kernels: { ...typescriptKernels, decodeSteps: never, fromBfloats: never } });
}

await describeOnGpu('hidden states that crossed a cut', openGpu, (gpu) => {
  it.each(specs)('%s: go up as they came, and are what the CPU makes of them', async (spec) => {
    const sizes = [
      [5, 3],
      [1, 1],
      [4, 4],
    ] as const;
    const pieces = sizes.map(([rows, kept], seed) => ({
      rows,
      kept,
      hidden: encodeHidden(spec, rowsOf(rows, seed), hiddenSize),
    }));
    const before = gpu.traffic;
    const { states, rows } = await decodeStates(gpu, { codec: withoutElements(spec), pieces }, hiddenSize);
    expect(rows).toBe(8);
    const uploaded = gpu.traffic.uploadedBytes - before.uploadedBytes;
    const sent = pieces.reduce((sum, { hidden }) => sum + hidden.length, 0);
    // What an entropy coder stands for is longer than what it wrote.
    const due = spec.endsWith('+rans') ? pieces.reduce((sum, { rows: own }) => sum + own * hiddenSize, 0) : sent;
    expect(uploaded).toBeLessThanOrEqual(due + pieces.length * (parameterBytes + 3));
    expect(gpu.traffic.readBytes).toBe(before.readBytes);
    const found = new Float32Array(await gpu.read(states, 4 * rows * hiddenSize));
    const expected = pieces.flatMap(({ rows: own, kept, hidden }) => [
      ...decodeHidden(spec, hidden, own, hiddenSize).subarray(0, kept * hiddenSize),
    ]);
    for (const [i, value] of expected.entries()) {
      expect(Math.abs((found[i] ?? Number.NaN) - value)).toBeLessThanOrEqual(2 ** -21 * 40);
    }
    states.destroy();
  });

  it.each(specs)('%s: are refused as on the CPU where they are other than was said', async (spec) => {
    const hidden = encodeHidden(spec, rowsOf(3, 0), hiddenSize);
    const uploads = gpu.traffic.uploadedBytes;
    const taken = (rows: number, bytes: Uint8Array) =>
      decodeStates(gpu, { codec: spec, pieces: [{ rows, kept: rows, hidden: bytes }] }, hiddenSize);
    for (const rows of [1, 2, 4]) await expect(taken(rows, hidden)).rejects.toThrow(/sent|crossed|limit|rows/);
    for (let at = 0; at < hidden.length; at += 7) {
      const changed = hidden.slice();
      changed[at] = (changed[at] ?? 0) ^ 4;
      const cpu = refusal(() => decodeHidden(spec, changed, 3, hiddenSize));
      if (cpu === undefined) continue;
      await expect(taken(3, changed)).rejects.toMatchObject({ code: cpu });
      await expect(taken(3, hidden.subarray(0, at))).rejects.toMatchObject({
        code: refusal(() => decodeHidden(spec, hidden.slice(0, at), 3, hiddenSize)),
      });
    }
    // Only fewer rows than were said decode at all before they are refused.
    expect(gpu.traffic.uploadedBytes - uploads).toBeLessThanOrEqual(3 * 4 * hiddenSize + parameterBytes);
  });
});

function refusal(decode: () => unknown): unknown {
  try {
    decode();
    return undefined;
  } catch (thrown) {
    return (thrown as { code?: unknown }).code;
  }
}
