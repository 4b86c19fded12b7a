import { CutpointError } from '@cutpoint/core';
import { z } from 'zod';
import { byteOfCharacter } from './byte-alphabet.js';

/** How the tokens of a vocabulary become bytes of text. */
export interface TokenBytes {
  /** Of a token as the vocabulary writes it; `added` tokens (`<|eot_id|>`) stand for themselves. */
  bytesOf(token: string, added: boolean): Uint8Array;
  /** So many blanks at the start of a text were put there by the tokenizer and are not part of it. */
  readonly blanksAtStart: number;
}

const stepSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ByteLevel') }),
  z.object({ type: z.literal('ByteFallback') }),
  z.object({ type: z.literal('Fuse') }),
  z.object({ type: z.literal('Metaspace'), replacement: z.string().min(1).max(10).default('\u2581') }),
  z.object({
    type: z.literal('Replace'),
    pattern: z.object({ String: z.string().min(1).max(100) }),
    content: z.string().max(100),
  }),
  z.object({
    type: z.literal('Strip'),
    content: z.literal(' '),
    start: z.number().int().min(0).max(100),
    stop: z.literal(0),
  }),
]);
type Step = z.infer<typeof stepSchema>;
const decoderSchema = z.union([
  z.object({ type: z.literal('Sequence'), decoders: z.array(stepSchema).min(1).max(20) }),
  stepSchema,
]);

/**
 * What the `decoder` of a tokenizer.json says. Known are byte-level vocabularies (Llama 3, Qwen, SmolLM) and those in which
 * a sign stands for the blank and some tokens for single bytes (Llama 2, Mistral, Gemma).
 * @throws CutpointError CUT_TOKENIZER for another decoder.
 */
export function tokenBytesOf(decoder: unknown): TokenBytes {
  const result = decoderSchema.safeParse(decoder);
  if (!result.success) {
    const shown = (JSON.stringify(decoder) ?? 'none').slice(0, 200);
    const known = 'known are ByteLevel, Metaspace, and sequences of Replace, ByteFallback, Fuse and Strip at the start';
    throw new CutpointError(
      'CUT_TOKENIZER',
      `The tokenizer decodes tokens in a way that is not known: ${shown}; ${known}.`,
    );
  }
  const steps: Step[] = result.data.type === 'Sequence' ? result.data.decoders : [result.data];
  const byteLevel = steps.some(({ type }) => type === 'ByteLevel');
  const byteFallback = steps.some(({ type }) => type === 'ByteFallback');
  const utf8 = new TextEncoder();
  return {
    blanksAtStart: steps.reduce((blanks, step) => blanks + blanksCutBy(step), 0),
    bytesOf(token, added) {
      if (byteLevel) return (added ? undefined : bytesInAlphabet(token)) ?? utf8.encode(token);
      const written = steps.reduce(replaced, token);
      return (byteFallback ? byteNamedBy(written) : undefined) ?? utf8.encode(written);
    },
  };
}

function replaced(token: string, step: Step): string {
  if (step.type === 'Metaspace') return token.replaceAll(step.replacement, ' ');
  return step.type === 'Replace' ? token.replaceAll(step.pattern.String, () => step.content) : token;
}

function blanksCutBy(step: Step): number {
  if (step.type === 'Strip') return step.start;
  return step.type === 'Metaspace' ? 1 : 0;
}

/** Undefined if some character stands for no byte. */
function bytesInAlphabet(token: string): Uint8Array | undefined {
  const bytes: number[] = [];
  for (const character of token) {
    const byte = byteOfCharacter.get(character);
    if (byte === undefined) return undefined;
    bytes.push(byte);
  }
  return Uint8Array.from(bytes);
}

/** `<0xE2>` */
function byteNamedBy(token: string): Uint8Array | undefined {
  const [, digits] = /^<0x([0-9A-Fa-f]{2})>$/.exec(token) ?? [];
  return digits === undefined ? undefined : Uint8Array.of(Number.parseInt(digits, 16));
}
