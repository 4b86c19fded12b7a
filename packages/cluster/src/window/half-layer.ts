import type { FileSpan } from '@cutpoint/llm';

/** What a window gives out: a half layer that can be run, until it is released. */
export interface OpenHalf {
  release(): Promise<void>;
}

/** One half of a layer (attention, or feed-forward): where its weights lie, and how it is made to run. */
export interface HalfLayer<Half extends OpenHalf> {
  /** For people: `layer 3, attention`. */
  readonly name: string;
  readonly path: string;
  readonly span: FileSpan;
  /** Memory that it holds once it is open. */
  readonly openBytes: number;
  /** Makes it run. The weights are its own only until this resolves: they are overwritten then. */
  open(weights: Uint8Array): Promise<Half>;
}
