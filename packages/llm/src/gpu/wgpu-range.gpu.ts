import { setImmediate } from 'node:timers/promises';
import { type DecoderCodes, openGpu } from '@cutpoint/gpu';
import { expect, it } from 'vitest';
import { describeOnGpu } from '../../../gpu/src/gpus.testing.js';
import { DecoderRange } from '../decode/decoder-range.js';
import { randomFloats, temporaryPackage } from '../decode/random-package.testing.js';
import { partsIn } from '../package/parts-in-folder.js';
import { smallConfig } from '../package/small-decoder.testing.js';
import { decodeHidden, encodeHidden } from '../split/hidden-rows.js';
import { WgpuRange } from './wgpu-range.js';

await describeOnGpu('layers behind a cut on a GPU', openGpu, () => {
  it.each([
    { from: 1, to: 2, head: true },
    { from: 0, to: 1, head: false },
    { from: 2, to: 2, head: true },
  ])('give what they give on the CPU, pass by pass: %j', async (range) => {
    await using made = await temporaryPackage(randomFloats(smallConfig, 4));
    const { folder, manifest } = made;
    const cpu = await DecoderRange.open(folder, manifest, range);
    const gpu = await WgpuRange.open(partsIn(folder), manifest, range, { pause: () => setImmediate() });
    try {
      const { hiddenSize } = smallConfig;
      const hidden = Float32Array.from({ length: 9 * hiddenSize }, (_, i) => Math.sin(i * 1.7));
      const [onCpu, onGpu] = [cpu.sequence(), gpu.sequence()];
      for (const [from, to] of [
        [0, 6],
        [6, 7],
        [7, 9],
      ] as const) {
        const part = hidden.slice(from * hiddenSize, to * hiddenSize);
        const due = (await cpu.forward(onCpu, part.slice(), { logits: 'all' })).data;
        const { data } = await gpu.forward(onGpu, part, { logits: 'all' });
        expect(data.length).toBe(due.length);
        const largest = Math.max(...due.map(Math.abs));
        for (const [i, value] of due.entries()) {
          expect(Math.abs(value - (data[i] ?? Number.NaN))).toBeLessThan(2e-5 * largest);
        }
      }
      const crossed = hidden.slice(0, 7 * hiddenSize);
      const again = gpu.sequence();
      const pieces = [{ rows: 7, kept: 7, hidden: encodeHidden('ts-tabq', crossed, hiddenSize) }];
      using taken = await gpu.take({ codec: 'ts-tabq', pieces });
      const fromSent = await taken.forward(again, { logits: 'all' });
      const onCpuFirst = decodeHidden('ts-tabq', new Uint8Array(pieces[0]?.hidden ?? []), 7, hiddenSize);
      const uploaded = await gpu.forward(gpu.sequence(), new Float32Array(onCpuFirst), { logits: 'all' });
      expect(fromSent.data).toEqual(uploaded.data);
      await expect(gpu.forward(onGpu, new Float32Array(hiddenSize + 1))).rejects.toMatchObject({ code: 'CUT_INPUT' });
      await expect(gpu.forward(onGpu, new Float32Array(0))).rejects.toMatchObject({ code: 'CUT_INPUT' });
    } finally {
      await cpu.dispose();
      await gpu.dispose();
    }
  });

  it('are multiplied in the widths that are asked for, each layer in that of its place in the model', async () => {
    await using made = await temporaryPackage(randomFloats(smallConfig, 4));
    const { hiddenSize } = smallConfig;
    const hidden = Float32Array.from({ length: 5 * hiddenSize }, (_, i) => Math.sin(i * 1.7));
    const through = async (codes?: DecoderCodes) => {
      const options = { codes, pause: () => setImmediate() };
      const gpu = await WgpuRange.open(partsIn(made.folder), made.manifest, { from: 1, to: 2, head: true }, options);
      try {
        return (await gpu.forward(gpu.sequence(), hidden, { logits: 'all' })).data;
      } finally {
        await gpu.dispose();
      }
    };
    const [exact, uniform] = [await through(), await through({ weightBits: 4, activationBits: 8 })];
    expect(await through({ weightBits: [8, 4], activationBits: 8 })).toEqual(uniform);
    expect(await through({ weightBits: [4, 8], activationBits: 8 })).not.toEqual(uniform);
    const off = (values: Float32Array) => Math.hypot(...values.map((value, i) => value - (exact[i] ?? Number.NaN)));
    expect(off(uniform)).toBeGreaterThan(0);
    expect(off(uniform)).toBeLessThan(0.2 * Math.hypot(...exact));
    await expect(through({ weightBits: [4], activationBits: 8 })).rejects.toMatchObject({ code: 'CUT_USAGE' });
  });
});
