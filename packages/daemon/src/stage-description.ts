import type { SplitModel } from '@cutpoint/runtime';
import { z } from 'zod';
import { answersFrom, type StageRequest, splitChoice } from './stage-choice.js';
import { version } from './version.js';

const name = z.string().max(4_096);

/** What a server says about one of its segments in its reply to `describe`. */
export const stageDescription = z.object({
  version: z.string().max(64),
  /** SHA-256 of the uncut model, in hex. */
  modelHash: z.string().max(256),
  segment: z.int().min(1),
  split: splitChoice,
  /** The tensors that cross the cut before the segment, with their types before they are encoded. */
  receives: z.array(z.object({ name, dtype: z.string().max(16) })).max(65_536),
  /** The outputs of the whole model that the server, with those behind it, answers with. */
  answers: z.array(name).max(65_536),
});
export type StageDescription = z.output<typeof stageDescription>;

/** What a device must know of the next one's segment to be sure that its own fits. */
export function describeStage(model: SplitModel, { at, codecs, segment }: StageRequest): StageDescription {
  const receives = model.cuts[segment - 1]?.tensors ?? [];
  return {
    version,
    modelHash: model.modelHash,
    segment,
    split: { at: [...at], codecs: [...codecs] },
    receives: receives.map((tensor) => ({ name: tensor.name, dtype: tensor.dtype })),
    answers: answersFrom(model, segment),
  };
}
