import type { CancelSignal } from '@cutpoint/core';
import type { Decoder } from '../decode/decoder.js';
import { generate } from '../decode/generate.js';
import { samplingOf } from '../text/sampling.js';

export interface OwnTextOptions {
  /** At least so many tokens in all. */
  readonly tokens: number;
  /** Of each text at most; several are written. */
  readonly context: number;
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: CancelSignal | undefined;
}

/**
 * Texts that a model writes by itself from its first token on, drawn at temperature 1: like what it learnt from, so that a
 * codec can be calibrated where no other text is at hand. The same model gives the same texts.
 * @throws CutpointError as `TokenDecoder.next`.
 */
export async function ownTexts(
  decoder: Decoder,
  { tokens, context, onProgress, signal }: OwnTextOptions,
): Promise<readonly (readonly number[])[]> {
  const { beginToken, contextTokens } = decoder.config;
  const length = Math.min(context, contextTokens);
  const texts: number[][] = [];
  for (let done = 0; done < tokens; ) {
    const text = [beginToken ?? 0];
    const request = { prompt: text.slice(), maxTokens: length - 1, endTokens: [], ...(signal && { signal }) };
    const sampling = samplingOf({ temperature: 1, seed: texts.length });
    for await (const next of generate(decoder, { ...request, sampling })) {
      text.push(...next.tokens);
      onProgress?.(Math.min(tokens, done + text.length), tokens);
    }
    texts.push(text);
    done += text.length;
  }
  return texts;
}
