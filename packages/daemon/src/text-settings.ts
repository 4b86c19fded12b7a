import { z } from 'zod';

/** The settings that both daemons share for language models. */
export const textSettings = {
  draft: z
    .int()
    .min(0)
    .max(64)
    .default(0)
    .describe(
      'of a language model: guess so many tokens from the text so far, and verify them at once; on a slow link that saves round trips',
    ),
  maxTexts: z
    .int()
    .min(1)
    .max(1024)
    .default(4)
    .describe(
      'of a language model: texts that are written at the same time; max-queue more wait, for timeout-ms at most',
    ),
  keptTexts: z
    .int()
    .min(0)
    .max(65_536)
    .default(16)
    .describe(
      'of a language model: texts that are kept in memory, so that requests which begin as they do go on from there',
    ),
  keptTextMb: z
    .int()
    .min(0)
    .max(16_777_216)
    .default(512)
    .describe('of a language model: what the caches of all texts may take before kept ones are dropped, in MB'),
};

export type TextSettings = z.output<z.ZodObject<typeof textSettings>> & {
  readonly maxQueue: number;
  readonly timeoutMs: number;
};

/** How many texts at once, how many wait, and what is kept of them. */
export function textLimitsOf({ maxTexts, keptTexts, keptTextMb, maxQueue, timeoutMs }: TextSettings) {
  return {
    maxRunning: maxTexts,
    maxWaiting: maxQueue,
    maxWaitMs: timeoutMs,
    maxKept: keptTexts,
    maxKeptBytes: keptTextMb * 1e6,
  };
}
