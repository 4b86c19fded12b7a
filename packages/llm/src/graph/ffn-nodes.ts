import { attribute } from '@cutpoint/graph';
import type { DecoderConfig } from '../architecture/decoder-config.js';
import type { LayerWeightName } from '../package/package-manifest.js';
import type { GraphDraft, PartWeights } from './weight-nodes.js';

/** Declares the sizes that `addFfn` divides gate and up by; once in a graph. @param columns of the inner width. */
export function addFfnSizes(draft: GraphDraft, columns: number): void {
  draft.sizes('gateUpSizes', [columns, columns]);
}

/**
 * The gated feed-forward of one layer from its normalised input [1, tokens, hiddenSize] to the same width.
 * @param inner the name of what the last matrix is multiplied with.
 */
export function addFfn(
  draft: GraphDraft,
  weights: PartWeights<LayerWeightName>,
  config: DecoderConfig,
  normed: string,
  { prefix, inner, output }: { readonly prefix: string; readonly inner: string; readonly output: string },
): string {
  const gateUp = weights.multiply(normed, 'gateUp', `${prefix}.gateUp`);
  const [gate, up] = [`${prefix}.gate`, `${prefix}.up`];
  draft.add('Split', [gateUp, 'gateUpSizes'], [gate, up], { axis: attribute.int(2) });
  const gated = draft.add('Mul', [addActivation(draft, config, gate), up], [inner]);
  return weights.multiply(gated, 'down', output);
}

function addActivation(draft: GraphDraft, { activation }: DecoderConfig, gate: string): string {
  const output = `${gate}.activated`;
  // QuickGelu with alpha 1 is x * sigmoid(x), in one node; FastGelu is gelu by tanh.
  if (activation === 'silu') return draft.microsoft('QuickGelu', [gate], [output], { alpha: attribute.float(1) });
  return draft.microsoft('FastGelu', [gate], [output]);
}
