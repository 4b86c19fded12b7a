import { CutpointError } from '@cutpoint/core';

/** @throws CutpointError CUT_INPUT if a text is longer than the model's context */
export function requireRoom(tokens: number, contextTokens: number): void {
  if (tokens <= contextTokens) return;
  throw new CutpointError(
    'CUT_INPUT',
    `The text would be ${tokens} tokens long, but the model takes ${contextTokens}; shorten it.`,
  );
}
