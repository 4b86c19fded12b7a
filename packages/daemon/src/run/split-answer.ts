import type { NamedTensors } from '@cutpoint/core';
import type { Meta } from '@cutpoint/wire';
import { z } from 'zod';
import { hopTimes } from '../hop-times.js';
import type { SplitResult } from './run-split.js';

const text = z.string().max(4_096);
const ms = z.number();
const answer = z.object({
  timing: z.object({
    frontMs: ms,
    encodeMs: ms,
    sendMs: ms,
    remoteMs: ms,
    decodeMs: ms,
    totalMs: ms,
    ...hopTimes.shape,
  }),
  route: z
    .object({
      by: text,
      fallback: z.boolean(),
      tried: z
        .array(
          z.object({
            rung: text,
            outcome: z.enum(['answered', 'failed', 'slow', 'cancelled', 'left']),
            ms,
            code: text.optional(),
            message: text.optional(),
          }),
        )
        .max(1_024),
      devices: z.array(text).max(64).optional(),
      via: text.optional(),
    })
    .optional(),
});

/** What a device says that was asked to run its whole model; undefined if it says nothing of the kind. */
export function readSplitAnswer(meta: Meta, outputs: NamedTensors): SplitResult | undefined {
  const parsed = answer.safeParse(meta);
  if (!parsed.success) return undefined;
  const { timing, route } = parsed.data;
  if (route === undefined) return { outputs, timing };
  const { devices, via, ...rest } = route;
  const asked = { ...(devices === undefined ? {} : { devices }), ...(via === undefined ? {} : { via }) };
  return { outputs, timing, route: { ...rest, ...asked } };
}
