import { CutpointError } from '@cutpoint/core';
import type { PackageContent } from '../package/write-package.js';
import { type CalibratedWeights, importanceOf, scalesOf } from '../quantise/calibrate-weights.js';
import { scaledHead, scaledLayer } from '../quantise/scaled-tensors.js';
import type { Checkpoint } from './checkpoint.js';
import type { LayerBits } from './layer-bits.js';
import { layerContent } from './layer-content.js';
import { matrixOf, vectorOf } from './weight-of-tensors.js';
import { embeddingWidthOf, headWidthOf, type WidthRequest } from './widths.js';

/**
 * What a package of a checkpoint holds, with weights that are read when they are written.
 * @param calibrated what calibration found out for these widths.
 * @throws CutpointError CUT_USAGE if there is not one width for each layer.
 */
export function contentOf(
  checkpoint: Checkpoint,
  request: WidthRequest,
  layerBits?: LayerBits,
  calibrated?: CalibratedWeights,
): Omit<PackageContent, 'checkpoint'> {
  const { config, tensors, name, tokenizer } = checkpoint;
  if (layerBits !== undefined && layerBits.layers.length !== config.layers) {
    const message = `The model has ${config.layers} layers, but widths are given for ${layerBits.layers.length}.`;
    throw new CutpointError('CUT_USAGE', message);
  }
  const { embedding } = tensors;
  const { norm, matrix } = calibrated?.head === undefined ? tensors : scaledHead(tensors, calibrated.head.scales);
  const own = (bits: WidthRequest['bits'] | undefined) => ({ ...request, bits: bits ?? request.bits });
  return {
    name,
    config,
    embedding: { table: matrixOf([embedding], embeddingWidthOf(embedding, own(layerBits?.embedding))) },
    layers: tensors.layers.map((layer, i) => {
      const found = calibrated?.layers[i];
      const bits = own(layerBits?.layers[i]);
      if (found === undefined) return layerContent(layer, bits);
      return layerContent(scaledLayer(layer, config, scalesOf(found)), bits, importanceOf(found));
    }),
    head: {
      norm: vectorOf([norm]),
      matrix: matrixOf([matrix], headWidthOf(matrix, own(layerBits?.head)), calibrated?.head?.importance),
    },
    tokenizer,
  };
}
