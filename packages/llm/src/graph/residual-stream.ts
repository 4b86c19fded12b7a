import { attribute } from '@cutpoint/graph';
import type { DecoderConfig } from '../architecture/decoder-config.js';
import type { GraphDraft } from './weight-nodes.js';

/** The name of the sum that was normalised under a name. */
export const sumName = (normed: string) => `${normed}.sum`;

/** The sum that runs through all layers. The last addition waits for the norm behind it, to be one node with it. */
export class ResidualStream {
  readonly #draft: GraphDraft;
  readonly #config: DecoderConfig;
  #sum: string;
  #pending: string | undefined;

  /** @param sum the value that it begins with. */
  constructor(draft: GraphDraft, config: DecoderConfig, sum: string) {
    this.#draft = draft;
    this.#config = config;
    this.#sum = sum;
  }

  add(value: string): void {
    this.#pending = value;
  }

  /** The sum, normalised, under a name. */
  normed(gamma: string, output: string): string {
    if (this.#pending === undefined) return this.norm(this.#sum, gamma, output);
    const epsilon = attribute.float(this.#config.normEpsilon);
    const outputs = [output, '', '', sumName(output)];
    this.#draft.microsoft('SkipSimplifiedLayerNormalization', [this.#sum, this.#pending, gamma], outputs, { epsilon });
    this.#sum = sumName(output);
    this.#pending = undefined;
    return output;
  }

  /** Any value, normalised. */
  norm(input: string, gamma: string, output: string): string {
    return this.#draft.add('SimplifiedLayerNormalization', [input, gamma], [output], {
      axis: attribute.int(-1),
      epsilon: attribute.float(this.#config.normEpsilon),
    });
  }

  /** Gives the sum out. */
  leave(output: string): void {
    this.#draft.add('Add', [this.#sum, this.#pending ?? ''], [output]);
  }
}
