import { median } from '@cutpoint/core';
import { Mean } from './mean.js';
import { classOf, compare, type Scores } from './scores.js';

/** What a codec at a cut gave on some samples, against the uncut model on the same ones. */
export interface Measurement {
  readonly n: number;
  /** Share of right answers of the uncut model, and of the split one; null without labels. */
  readonly top1Whole: number | null;
  readonly top1Split: number | null;
  /** `top1Whole - top1Split`, which chance can make negative, and the standard error of that difference of pairs. */
  readonly top1Drop: number | null;
  readonly top1DropStderr: number | null;
  /** Share of answers that are those of the uncut model. */
  readonly agreement: number;
  readonly agreementStderr: number | null;
  /** Kullback-Leibler divergence of the split model's probabilities from the uncut one's, in nats. */
  readonly klDivergence: number;
  /** What crosses the cut, without framing. */
  readonly bytesPerSample: number;
  readonly bytesStderr: number | null;
  /** Medians, on this machine. */
  readonly encodeMs: number;
  readonly decodeMs: number;
}

/** One sample's way through a codec. */
export interface Crossing {
  readonly bytes: number;
  readonly encodeMs: number;
  readonly decodeMs: number;
}

/** Adds up what samples give. Keeps two numbers of each sample for the medians. */
export class Tally {
  readonly #whole = new Mean();
  readonly #split = new Mean();
  readonly #drop = new Mean();
  readonly #agreement = new Mean();
  readonly #loss = new Mean();
  readonly #divergence = new Mean();
  readonly #bytes = new Mean();
  readonly #encodeMs: number[] = [];
  readonly #decodeMs: number[] = [];

  add(label: number | undefined, whole: readonly Scores[], split: readonly Scores[], crossing: Crossing): void {
    const { agreement, divergence } = compare(whole, split);
    this.#agreement.add(agreement);
    this.#loss.add(1 - agreement);
    this.#divergence.add(divergence);
    this.#bytes.add(crossing.bytes);
    this.#encodeMs.push(crossing.encodeMs);
    this.#decodeMs.push(crossing.decodeMs);
    if (label === undefined) return;
    const rightWhole = Number(classOf(whole) === label);
    const rightSplit = Number(classOf(split) === label);
    this.#whole.add(rightWhole);
    this.#split.add(rightSplit);
    this.#drop.add(rightWhole - rightSplit);
  }

  /** Share of answers that changed, added up by itself: of 100 answers 2 are 0.02, which `1 - 0.98` is not quite. */
  get accuracyLoss(): number {
    return this.#loss.mean;
  }

  get measurement(): Measurement {
    return {
      n: this.#agreement.count,
      top1Whole: orNull(this.#whole.mean),
      top1Split: orNull(this.#split.mean),
      top1Drop: orNull(this.#drop.mean),
      top1DropStderr: orNull(this.#drop.stderr),
      agreement: this.#agreement.mean,
      agreementStderr: orNull(this.#agreement.stderr),
      klDivergence: this.#divergence.mean,
      bytesPerSample: this.#bytes.mean,
      bytesStderr: orNull(this.#bytes.stderr),
      encodeMs: median(this.#encodeMs),
      decodeMs: median(this.#decodeMs),
    };
  }
}

function orNull(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}
