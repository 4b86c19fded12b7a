import type { FileSpan } from '@cutpoint/llm';

/** What a window gives out: a half layer that can be run, until it is released. */
export interface OpenHalf {
  release(): Promise<void>;
}

/** Where weights of a half layer lie, and how they are made to run. */
export interface PassingHalf<Half extends OpenHalf> {
  readonly path: string;
  readonly span: FileSpan;
  /** Makes it run. The weights are its own only until this resolves: they are overwritten then. */
  open(weights: Uint8Array): Promise<Half>;
}

/** One half of a layer (attention, or feed-forward), as it is read and opened to stay. */
export interface HalfLayer<Half extends OpenHalf> extends PassingHalf<Half> {
  /** For people: `layer 3, attention`. */
  readonly name: string;
  /** Memory that it holds once it is open. */
  readonly openBytes: number;
  /** As it is read and run where it does not stay; undefined: as where it does. */
  readonly passing: PassingHalf<Half> | undefined;
}
