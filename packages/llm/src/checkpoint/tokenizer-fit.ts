import { CutpointError } from '@cutpoint/core';
import { z } from 'zod';
import type { DecoderConfig } from '../architecture/decoder-config.js';
import type { NamedFile } from '../package/write-package.js';

const idsSchema = z.object({
  added_tokens: z.array(z.object({ id: z.int().min(0) })).nullish(),
  model: z.object({
    vocab: z.union([z.record(z.string(), z.int().min(0)), z.array(z.tuple([z.string(), z.number()]))]),
  }),
});

/** Models round their vocabulary up; of less than this share of it the tokenizer is another model's. */
const leastShare = 0.75;

/**
 * Checks that every id of a tokenizer has a row in the embedding, and that most rows have a token.
 * @throws CutpointError CUT_TOKENIZER
 */
export function requireTokenizer(files: readonly NamedFile[], config: DecoderConfig, source: string): void {
  const file = files.find(({ path }) => path === 'tokenizer.json');
  const { success, data } = idsSchema.safeParse(file && parse(file.content));
  if (!success)
    throw new CutpointError('CUT_TOKENIZER', `The tokenizer.json of ${source} is damaged: download it again.`);
  const { vocab } = data.model;
  const ids = new Set(Array.isArray(vocab) ? vocab.keys() : Object.values(vocab));
  for (const { id } of data.added_tokens ?? []) ids.add(id);
  let largest = -1;
  for (const id of ids) largest = Math.max(largest, id);
  const { vocabularySize } = config;
  if (largest < vocabularySize && ids.size >= leastShare * vocabularySize) return;
  const message = `The tokenizer of ${source} has ${ids.size} tokens up to id ${largest}, but the model's vocabulary is ${vocabularySize}: they do not belong together.`;
  throw new CutpointError('CUT_TOKENIZER', message);
}

function parse(content: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(content));
  } catch {
    return undefined;
  }
}
