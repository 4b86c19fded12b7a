import { CutpointError } from '@cutpoint/core';
import type { z } from 'zod';

/** @param what the start of the sentence. @throws CutpointError CUT_CHECKPOINT */
export function parseJson(bytes: Uint8Array, what: string): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new CutpointError('CUT_CHECKPOINT', `${what} is not JSON: download it again.`, { cause });
  }
}

/** Checks a value against a schema and names the first place where it differs. @throws CutpointError CUT_CHECKPOINT */
export function check<Schema extends z.ZodType>(schema: Schema, value: unknown, what: string): z.infer<Schema> {
  const { success, data, error } = schema.safeParse(value);
  if (success) return data;
  const [issue] = error.issues;
  const place = issue?.path.join('.') || 'all of it';
  throw new CutpointError('CUT_CHECKPOINT', `${what} cannot be used (${place}: ${issue?.message ?? 'not valid'}).`);
}
