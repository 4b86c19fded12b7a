import { type PackageManifest, packageWeightBytes, type StoredWeight } from '@cutpoint/llm';
import { fields } from '../output/table.js';
import { formatBytes } from '../output/units.js';

/** What a verb that made a package says with `--json`. */
export interface PackageSummary {
  readonly package: string;
  readonly name: string;
  readonly family: string;
  readonly layers: number;
  readonly hiddenSize: number;
  readonly vocabularySize: number;
  readonly contextTokens: number;
  /** All files of weights. */
  readonly weightBytes: number;
  /** How the matrices of the layers are stored, e.g. `4 bits, blocks of 128`. */
  readonly widths: readonly string[];
  readonly embedding: string;
  readonly head: string;
  readonly tokenizer: readonly string[];
}

export function summaryOf(folder: string, manifest: PackageManifest): PackageSummary {
  const { name, config, layers, embedding, head, tokenizer } = manifest;
  const matrices = layers.flatMap(({ weights: { qkv, out, gateUp, down } }) => [qkv, out, gateUp, down]);
  return {
    package: folder,
    name,
    family: config.family,
    layers: config.layers,
    hiddenSize: config.hiddenSize,
    vocabularySize: config.vocabularySize,
    contextTokens: config.contextTokens,
    weightBytes: packageWeightBytes(manifest),
    widths: [...new Set(matrices.map(widthText))],
    embedding: widthText(embedding.weights.table),
    head: widthText(head.weights.matrix),
    tokenizer: tokenizer.map(({ path }) => path),
  };
}

export function packageText(summary: PackageSummary): string {
  const { widths, embedding, head, tokenizer } = summary;
  return fields([
    ['package', `${summary.package} (${summary.name})`],
    [
      'decoder',
      `${summary.family}, ${summary.layers} layers of ${summary.hiddenSize}, context of ${summary.contextTokens} tokens`,
    ],
    ['weights', `${formatBytes(summary.weightBytes)}: layers ${widths.join('; ')}`],
    ['embedding', embedding],
    ['head', head],
    ['tokenizer', tokenizer.length > 0 ? `${tokenizer.join(', ')}; ${summary.vocabularySize} tokens` : 'none'],
  ]);
}

function widthText(weight: StoredWeight | undefined): string {
  if (weight === undefined) return 'missing';
  if (weight.kind === 'float') return weight.dtype;
  return `${weight.bits} bits, blocks of ${weight.block}`;
}
