import type { LayerWeightName, PackagePart, StoredWeight } from './package-manifest.js';

/** What the matrices of layers are stored in: `4`, `8`, `f16`, or `8-4` where they differ; `none` for no layers. */
export function widthOfLayers(layers: readonly PackagePart<LayerWeightName>[]): string {
  if (layers.length === 0) return 'none';
  const matrices = layers.flatMap(({ weights: { qkv, out, gateUp, down } }) => [qkv, out, gateUp, down]);
  return [...new Set(matrices.map(nameOf))].join('-');
}

function nameOf(weight: StoredWeight | undefined): string {
  if (weight === undefined) return 'none';
  return weight.kind === 'float' ? weight.dtype : String(weight.bits);
}
