import { CutpointError } from '@cutpoint/core';
import type { DecoderConfig } from '../architecture/decoder-config.js';

/**
 * Cuts a text into windows that do not overlap; the last may be shorter.
 * @throws CutpointError CUT_USAGE for a window that the model does not take, CUT_INPUT for a text of less than two tokens.
 */
export function windowsOf(
  { contextTokens }: DecoderConfig,
  tokens: readonly number[],
  context: number,
): readonly (readonly number[])[] {
  if (!Number.isSafeInteger(context) || context < 2 || context > contextTokens) {
    const message = `A window has ${context} tokens, but must have 2 to the model's ${contextTokens}.`;
    throw new CutpointError('CUT_USAGE', message);
  }
  if (tokens.length < 2) throw new CutpointError('CUT_INPUT', 'The text is too short: it needs two tokens or more.');
  const count = Math.ceil(tokens.length / context);
  return Array.from({ length: count }, (_, i) => tokens.slice(i * context, (i + 1) * context));
}
