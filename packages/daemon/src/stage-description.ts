import { z } from 'zod';

const names = z.array(z.string().max(4_096)).max(65_536);

/** What a server says about its segment in its reply to `describe`. */
export const stageDescription = z.object({
  version: z.string().max(64),
  modelHash: z.string().max(256),
  segment: z.object({ index: z.int().min(0), count: z.int().min(1) }),
  /** The tensors that cross the cut before the segment. */
  receives: names,
  /** The outputs of the whole model that the server answers with. */
  answers: names,
});
export type StageDescription = z.output<typeof stageDescription>;
