import { z } from 'zod';

const name = z.string().max(4_096);

/** What a server says about its segment in its reply to `describe`. */
export const stageDescription = z.object({
  version: z.string().max(64),
  /** SHA-256 of the uncut model, in hex. */
  modelHash: z.string().max(256),
  segment: z.object({ index: z.int().min(0), count: z.int().min(1) }),
  cut: z.object({ index: z.int().min(0), name }),
  /** The tensors that cross the cut. */
  receives: z.array(z.object({ name, dtype: z.string().max(16) })).max(65_536),
  /** The outputs of the whole model that the server answers with. */
  answers: z.array(name).max(65_536),
});
export type StageDescription = z.output<typeof stageDescription>;
