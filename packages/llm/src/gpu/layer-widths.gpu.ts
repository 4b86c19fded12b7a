import { type BitWidth, type DecoderCodes, type Gpu, GpuDecoder, type GpuRange, openGpu } from '@cutpoint/gpu';
import { expect, it } from 'vitest';
import { describeOnGpu } from '../../../gpu/src/gpus.testing.js';
import { randomFloats, temporaryPackage } from '../decode/random-package.testing.js';
import type { PackageManifest } from '../package/package-manifest.js';
import { partsIn } from '../package/parts-in-folder.js';
import { smallConfig } from '../package/small-decoder.testing.js';
import { packageWeights } from './package-weights.js';

interface Made {
  readonly folder: string;
  readonly manifest: PackageManifest;
}

const { layers } = smallConfig;
const text = Array.from({ length: 6 }, (_, i) => (i * 7 + 3) % smallConfig.vocabularySize);

/** Each layer has another width than the one before it. */
const widths = Array.from({ length: layers }, (_, layer): BitWidth => (layer % 2 === 0 ? 2 : 5));

type Inputs = readonly (number | Float32Array)[];

/** What comes out behind each input, and where there is a head, logits. */
async function through(gpu: Gpu, made: Made, codes: DecoderCodes, inputs: Inputs, range?: GpuRange) {
  const weights = packageWeights(partsIn(made.folder), made.manifest);
  const decoder = await GpuDecoder.open(gpu, made.manifest.config, weights, { rowsPerStep: 8, codes, range });
  const rows = inputs.map((input) => ({ sequence: 1, input, wanted: true }));
  return (await decoder.step(rows, { read: true })).rows.map((row) => Float32Array.from(row));
}

/** The same with a decoder for each layer, each of one width for all of its layers. */
async function layerByLayer(gpu: Gpu, made: Made, bits: readonly BitWidth[]) {
  let states: Inputs = text;
  for (const [layer, weightBits] of bits.entries()) {
    const range = {
      from: layer,
      to: layer + 1,
      head: layer === layers - 1,
      input: layer === 0 ? 'tokens' : 'states',
    } as const;
    states = await through(gpu, made, { weightBits, activationBits: 8 }, states, range);
  }
  return states;
}

await describeOnGpu('a decoder with a width for each layer', openGpu, (gpu) => {
  it('multiplies each layer in its own', async () => {
    await using made = await temporaryPackage(randomFloats(smallConfig, 5));
    const found = await through(gpu, made, { weightBits: widths, activationBits: 8 }, text);
    expect(found).toEqual(await layerByLayer(gpu, made, widths));
    expect(found).not.toEqual(await layerByLayer(gpu, made, widths.toReversed()));
  });

  it('computes with the same width for all what one width gives', async () => {
    await using made = await temporaryPackage(randomFloats(smallConfig, 6));
    const each = { weightBits: Array.from({ length: layers }, (): BitWidth => 4), activationBits: 8 } as const;
    expect(await through(gpu, made, each, text)).toEqual(
      await through(gpu, made, { weightBits: 4, activationBits: 8 }, text),
    );
  });

  it('is not opened where a layer has no width, or there are more widths than layers', async () => {
    await using made = await temporaryPackage(randomFloats(smallConfig, 7));
    for (const weightBits of [widths.slice(1), [...widths, 4 as const]]) {
      await expect(through(gpu, made, { weightBits, activationBits: 8 }, text)).rejects.toMatchObject({
        code: 'CUT_USAGE',
      });
    }
  });
});
